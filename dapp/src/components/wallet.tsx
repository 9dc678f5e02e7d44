/** Connecting a wallet: those that announce themselves, by their own names and icons. */

import { useEffect, useRef, useState } from "react";
import { useConnect, useConnection, useConnectors, useDisconnect, useSwitchChain, type Connector } from "wagmi";
import { Link } from "wouter";

import { useConfig } from "../config";
import { t } from "../texts";
import { Icon, shortened } from "./address";
import { Banner } from "./banner";

export function WalletButton() {
  const { address, isConnected, chainId, isReconnecting } = useConnection();
  const { chain_id } = useConfig();
  const [open, setOpen] = useState(false);
  const wrong = isConnected && chainId !== chain_id;
  return (
    <>
      <button
        type="button"
        className={isConnected ? "wallet on" : "wallet"}
        onClick={() => setOpen(true)}
        disabled={isReconnecting}
      >
        {wrong && <Icon name="alert" />}
        {isConnected && address ? shortened(address) : t.wallet.connect}
      </button>
      {open && <WalletDialog close={() => setOpen(false)} />}
    </>
  );
}

export function WalletDialog({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { isConnected, chainId } = useConnection();
  const { chain_id } = useConfig();
  const before = useRef(isConnected);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    // Connected just now, and to the right network: nothing is left to say here.
    if (isConnected && !before.current && chainId === chain_id) dialog.current?.close();
  }, [isConnected, chainId, chain_id]);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="wallet-title">
      <header>
        <h2 id="wallet-title">{isConnected ? t.wallet.yours : t.wallet.connect}</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()} aria-label={t.close}>
          <Icon name="cross" />
        </button>
      </header>
      {isConnected ? <Connected done={() => dialog.current?.close()} /> : <Choice />}
    </dialog>
  );
}

function Connected({ done }: { done: () => void }) {
  const { address, connector } = useConnection();
  const disconnect = useDisconnect();
  return (
    <>
      <p className="whole">{address}</p>
      <p className="quiet">{connector?.name}</p>
      <WrongNetwork />
      <div className="row">
        <Link href="/position" className="button" onClick={done}>
          {t.nav.position}
        </Link>
        <button type="button" className="button" onClick={() => disconnect.mutate({}, { onSuccess: done })}>
          {t.wallet.disconnect}
        </button>
      </div>
    </>
  );
}

function Choice() {
  const connectors = announced(useConnectors());
  const connect = useConnect();
  if (connectors.length === 0) return <p>{t.wallet.none}</p>;
  return (
    <>
      <ul className="wallets">
        {connectors.map((connector) => (
          <li key={connector.uid}>
            <button
              type="button"
              className="button"
              disabled={connect.isPending}
              onClick={() => connect.mutate({ connector })}
            >
              {connector.icon ? <img src={connector.icon} alt="" width="24" height="24" /> : <Icon name="question" />}
              {connector.id === "injected" ? t.wallet.browser : connector.name}
            </button>
          </li>
        ))}
      </ul>
      <p className="quiet">{t.wallet.promise}</p>
      {connect.error && (
        <Banner tone="warn" alert>
          {t.wallet.refused}
        </Banner>
      )}
    </>
  );
}

/** Those that announced themselves; the plain one of the browser only where nobody did. */
function announced(connectors: readonly Connector[]): Connector[] {
  const named = connectors.filter((connector) => connector.id !== "injected");
  if (named.length > 0) return named;
  return "ethereum" in window ? connectors.filter((connector) => connector.id === "injected") : [];
}

/** Says so, and switches on a click. Nothing while the network is right. */
export function WrongNetwork() {
  const { isConnected, chainId } = useConnection();
  const { chain_id, chain_name } = useConfig();
  const change = useSwitchChain();
  if (!isConnected || chainId === chain_id) return null;
  return (
    <Banner tone="warn" alert>
      <p>{t.wallet.wrong(chain_name)}</p>
      <button
        type="button"
        className="button"
        disabled={change.isPending}
        onClick={() => change.mutate({ chainId: chain_id })}
      >
        {t.wallet.change(chain_name)}
      </button>
      {change.error && <p>{t.wallet.notChanged(chain_name, chain_id)}</p>}
    </Banner>
  );
}
