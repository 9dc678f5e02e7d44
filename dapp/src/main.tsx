/** The page's root: reads where the pool is, then hands everything down. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { WagmiProvider } from "wagmi";

import { get, Refused } from "./api/client";
import { App } from "./app";
import { ConfigContext } from "./config";
import { walletConfig } from "./chain/wallet";
import { Failed } from "./components/banner";
import { follow } from "./live/pulse";
import "./style/index.css";

const AGAIN_MS = 2_000;
const root = createRoot(document.getElementById("root") ?? document.body);
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 500,
      retry: (count, failure) => !(failure instanceof Refused && failure.status < 500) && count < 2,
      refetchOnWindowFocus: false,
    },
  },
});

async function start(): Promise<void> {
  try {
    const config = await get("/api/v1/public/config");
    follow(queries);
    root.render(
      <StrictMode>
        <WagmiProvider config={walletConfig(config)}>
          <QueryClientProvider client={queries}>
            <ConfigContext value={config}>
              <App />
            </ConfigContext>
          </QueryClientProvider>
        </WagmiProvider>
      </StrictMode>,
    );
  } catch {
    root.render(<Failed />);
    window.setTimeout(() => void start(), AGAIN_MS);
  }
}

void start();
