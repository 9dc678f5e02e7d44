/** Wallets: whatever the browser announces (EIP-6963), or else the one it has (EIP-1193). Nothing is fetched for it. */

import { defineChain } from "viem";
import { createConfig, fallback, http, injected, unstable_connector, type Config as WagmiConfig } from "wagmi";

import type { Config } from "../config";

/** Reads go through the connected wallet; where the operator names an endpoint, through that one as well. */
export function walletConfig(config: Config): WagmiConfig {
  const chain = defineChain({
    id: config.chain_id,
    name: config.chain_name,
    nativeCurrency: { name: config.coin, symbol: config.coin, decimals: 18 },
    rpcUrls: { default: { http: config.rpc_url ? [config.rpc_url] : [] } },
    ...(config.explorer ? { blockExplorers: { default: { name: "explorer", url: config.explorer } } } : {}),
  });
  const wallet = unstable_connector(injected, { retryCount: 0 });
  return createConfig({
    chains: [chain],
    connectors: [injected()],
    multiInjectedProviderDiscovery: true,
    transports: { [chain.id]: config.rpc_url ? fallback([http(config.rpc_url), wallet]) : wallet },
  });
}
