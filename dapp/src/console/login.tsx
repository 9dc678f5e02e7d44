/** The way in: an API token, exchanged for a session. */

import { useState } from "react";

import { Refused } from "../api/client";
import { Banner } from "../components/banner";
import { Page } from "../components/page";
import { c } from "../texts/console";
import { enter, useStanding } from "./session";
import { Words } from "./words";

export function Login() {
  const { ended } = useStanding();
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function press() {
    if (token.trim() === "") {
      setWrong(c.login.empty);
      return;
    }
    setBusy(true);
    try {
      await enter(token.trim());
    } catch (failure) {
      setWrong(failure instanceof Refused ? c.login.wrong(failure.message) : c.login.unreachable);
      setBusy(false);
    }
  }

  return (
    <Page title={c.login.title} lead={c.login.lead}>
      {ended && !wrong && <Banner tone="info">{c.login.ended[ended]}</Banner>}
      <form
        className="card form login"
        onSubmit={(event) => {
          event.preventDefault();
          void press();
        }}
      >
        <div className="field">
          <label htmlFor="token">{c.login.token}</label>
          <input
            id="token"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            value={token}
            onChange={(event) => setToken(event.target.value)}
            aria-invalid={wrong ? true : undefined}
            aria-describedby="token-wrong token-hint"
          />
          <span id="token-wrong" className="wrong" role="alert">
            {wrong}
          </span>
          <span id="token-hint" className="hint">
            <Words of={c.login.hint} />
          </span>
        </div>
        <button type="submit" className="button main" disabled={busy}>
          {c.login.press}
        </button>
      </form>
    </Page>
  );
}
