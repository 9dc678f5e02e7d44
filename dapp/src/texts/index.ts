/** The texts in the reader's language. A language is one more file like en.ts, and a line here. */

import { en, type Texts } from "./en";

const languages: Record<string, Texts> = { en };

function reader(): Texts {
  const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
  for (const language of wanted) {
    const found = languages[language.split("-")[0] ?? ""];
    if (found) return found;
  }
  return en;
}

export const t: Texts = reader();
