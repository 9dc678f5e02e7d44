/** A sentence in which what stands between backticks is to be typed, or is a name as the machine has it. */

export function Words({ of }: { of: string }) {
  return of.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));
}
