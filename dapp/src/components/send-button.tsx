/** The button that sends; before that, the one that connects a wallet or brings it to the right network. */

import { useState, type ReactNode } from "react";

import { useWallet } from "../chain/balances";
import { t } from "../texts";
import { WalletDialog, WrongNetwork } from "./wallet";

interface Props {
  children: ReactNode;
  busy: boolean;
  disabled?: boolean;
  press: () => void;
}

export function SendButton({ children, busy, disabled = false, press }: Props) {
  const { address, ready } = useWallet();
  const [open, setOpen] = useState(false);
  if (!address) {
    return (
      <>
        <button type="button" className="button main wide" onClick={() => setOpen(true)}>
          {t.wallet.connect}
        </button>
        {open && <WalletDialog close={() => setOpen(false)} />}
      </>
    );
  }
  if (!ready) return <WrongNetwork />;
  return (
    <button type="button" className="button main wide" disabled={busy || disabled} onClick={press}>
      {busy ? t.transaction.asking : children}
    </button>
  );
}
