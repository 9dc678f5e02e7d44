/** Where the pool is: read once before anything is shown. */

import { createContext, use } from "react";

import type { Schemas } from "./api/client";

export type Config = Schemas["PageConfig"];

export const ConfigContext = createContext<Config | null>(null);

export function useConfig(): Config {
  const config = use(ConfigContext);
  if (!config) throw new Error("shown outside of the root");
  return config;
}
