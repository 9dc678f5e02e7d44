/**
 * Server-sent events over fetch, which unlike EventSource tells of every kind of event, of comments (the line is
 * alive), and of a refusal's status.
 */

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** Takes text as it comes; gives the messages that are whole. Comments and empty messages are none. */
export function reader(): (text: string) => Message[] {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.map(message).filter((found) => found !== null);
  };
}

function message(block: string): Message | null {
  const found: Message = { id: "", event: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]+):? ?(.*)$/.exec(line) ?? [];
    if (name === "data") data.push(value ?? "");
    else if (name === "event" || name === "id") found[name] = value ?? "";
  }
  return data.length ? { ...found, data: data.join("\n") } : null;
}
