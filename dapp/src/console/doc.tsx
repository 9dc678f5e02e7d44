/** A page of docs/: a link where the settings say where it can be read, else its name. */

import { useConfig } from "../config";

export function Doc({ path }: { path: string }) {
  const { docs } = useConfig();
  const [file] = path.split("#");
  if (!docs) return <span className="mono doc">docs/{file}</span>;
  return (
    <a href={`${docs}/${path}`} target="_blank" rel="noreferrer" className="doc">
      docs/{file}
    </a>
  );
}
