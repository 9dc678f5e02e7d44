// How much script a first visit loads, gzipped: the entry and everything it imports at once. Fails above the limit.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 250_000;
const BUILD = new URL("../src/linkpool/api/static/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", BUILD), "utf8"));

const wanted = new Set();
const add = (name) => {
  if (wanted.has(name)) return;
  wanted.add(name);
  for (const each of manifest[name].imports ?? []) add(each);
};
add(Object.keys(manifest).find((name) => manifest[name].isEntry));

let sum = gzipSync(readFileSync(new URL("theme.js", BUILD))).length;
for (const name of wanted) sum += gzipSync(readFileSync(new URL(manifest[name].file, BUILD)), { level: 9 }).length;
console.log(`first load: ${(sum / 1000).toFixed(1)} kB of script, gzipped (limit ${LIMIT / 1000})`);
process.exit(sum > LIMIT ? 1 : 0);
