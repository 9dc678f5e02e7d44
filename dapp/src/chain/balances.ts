/** What the connected wallet has, read again with every block. */

import { useQuery } from "@tanstack/react-query";
import type { Address } from "viem";
import { useConfig as useWagmi, useConnection } from "wagmi";
import { getPublicClient } from "wagmi/actions";

import { useConfig } from "../config";
import { PUBLIC } from "../live/pulse";
import { linkAbi } from "./abi";

export interface Wallet {
  address: Address | undefined;
  /** Connected, and on the pool's chain. */
  ready: boolean;
  /** Juels and wei; undefined while they are not known. */
  link: bigint | undefined;
  coin: bigint | undefined;
}

export function useWallet(): Wallet {
  const wagmi = useWagmi();
  const { chain_id, link } = useConfig();
  const { address, chainId, isConnected } = useConnection();
  const ready = isConnected && chainId === chain_id;
  const { data } = useQuery({
    queryKey: [PUBLIC, "wallet", address, chainId],
    queryFn: async () => {
      const client = getPublicClient(wagmi);
      if (!client || !address) return null;
      const [tokens, coin] = await Promise.all([
        client.readContract({
          abi: linkAbi,
          address: link as Address,
          functionName: "balanceOf",
          args: [address],
        }),
        client.getBalance({ address }),
      ]);
      return { tokens, coin };
    },
    enabled: ready && address !== undefined,
  });
  return { address, ready, link: data?.tokens, coin: data?.coin };
}
