/** Wallets: whatever the browser announces (EIP-6963), or else the one it has (EIP-1193). Nothing is fetched for it. */

import { custom, defineChain, ProviderDisconnectedError, type EIP1193Provider } from "viem";
import { createConfig, fallback, http, injected, type Config as WagmiConfig } from "wagmi";
import { getConnection } from "wagmi/actions";

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
  const wallet = custom({ request: (body) => asked(wagmi, chain.id, body as Asked) }, { retryCount: 0 });
  const wagmi: WagmiConfig = createConfig({
    chains: [chain],
    connectors: [injected()],
    multiInjectedProviderDiscovery: true,
    transports: { [chain.id]: config.rpc_url ? fallback([http(config.rpc_url), wallet]) : wallet },
  });
  return wagmi;
}

type Asked = Parameters<EIP1193Provider["request"]>[0];

/** The wallet that is connected, as long as it is on the pool's chain: another chain's answers mean nothing here. */
async function asked(wagmi: WagmiConfig, chain: number, body: Asked): Promise<unknown> {
  const { connector, chainId } = getConnection(wagmi);
  const provider = chainId === chain ? await connector?.getProvider() : undefined;
  if (!provider) throw new ProviderDisconnectedError(new Error("no wallet is connected to this chain"));
  return (provider as EIP1193Provider).request(body);
}
