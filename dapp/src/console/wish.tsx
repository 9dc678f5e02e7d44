/** A button for something that changes the fleet: says in words what will happen, asks, and tells what came of it. */

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useId, useMemo, useRef, useState, type ReactNode } from "react";

import { Refused, type Unfit } from "../api/client";
import { Icon } from "../components/address";
import { Banner } from "../components/banner";
import { t } from "../texts";
import { c } from "../texts/console";
import { FormContext, type Form } from "./entry";
import { CONSOLE } from "./events";
import { isAbout, reasons, Wrong } from "./refusal";
import { under, useMay, type Scope } from "./session";

interface Props {
  /** On the button. */
  label: string;
  /** What the label leaves to the eye: which node it is about. */
  about?: string;
  title: string;
  words: readonly string[];
  /** On the button that does it. */
  press: string;
  danger?: boolean;
  main?: boolean;
  small?: boolean;
  /** A form with much in it. */
  wide?: boolean;
  needs?: Scope;
  /** Before it is shown. */
  opening?: () => void;
  /** Why it cannot be asked for now. */
  hindered?: string | null;
  /** More to say before it is done. */
  children?: ReactNode;
  /** The key is the same for each try of one wish. */
  act: (key: string) => Promise<unknown>;
}

export function Wish(props: Props) {
  const { label, about, needs = "operate", danger, main, small, opening } = props;
  const [open, setOpen] = useState(false);
  const may = useMay(needs);
  const style = ["button", small && "small", main && "main", danger && "danger"].filter(Boolean).join(" ");
  return (
    <>
      <button
        type="button"
        className={style}
        disabled={!may}
        title={may ? undefined : c.session.lacks(needs)}
        onClick={() => {
          opening?.();
          setOpen(true);
        }}
      >
        {label}
        {about && <span className="unseen"> {about}</span>}
        {!may && <span className="unseen"> ({c.session.lacks(needs)})</span>}
      </button>
      {open && <Ask {...props} close={() => setOpen(false)} />}
    </>
  );
}

/** What failed, and which of the fields that are shown it is about. */
function useFailure() {
  const fields = useRef(new Set<string>());
  const [errors, setErrors] = useState<readonly Unfit[]>([]);
  const [failure, setFailure] = useState<string | null>(null);
  const fail = useCallback((error: unknown) => {
    const shown = [...fields.current];
    const found = reasons(error, shown);
    const placed = found.length > 0 && found.every((each) => shown.some((field) => isAbout(field, each)));
    setErrors(found);
    if (placed) setFailure(c.confirm.look);
    else setFailure(error instanceof Refused || error instanceof Wrong ? c.confirm.failed(error.message) : c.confirm.unreachable);
  }, []);
  const claim = useCallback((field: string) => {
    fields.current.add(field);
    return () => void fields.current.delete(field);
  }, []);
  const clear = useCallback(() => {
    setErrors([]);
    setFailure(null);
  }, []);
  const form = useMemo<Form>(() => ({ errors, claim, fail }), [errors, claim, fail]);
  return { form, failure, clear };
}

function Ask({ title, words, press, danger = false, wide = false, hindered, children, act, close }: Props & { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const key = useRef(crypto.randomUUID());
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const { form, failure, clear } = useFailure();
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    if (form.errors.length > 0) dialog.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [form.errors]);

  async function doIt() {
    setBusy(true);
    clear();
    try {
      await under(act(key.current));
      dialog.current?.close();
      await queries.invalidateQueries({ queryKey: [CONSOLE] });
    } catch (error) {
      form.fail(error);
      if (error instanceof Refused) key.current = crypto.randomUUID(); // what was refused may be put differently
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} className={wide ? "ask wide" : "ask"} onClose={close} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()} aria-label={t.close}>
          <Icon name="cross" />
        </button>
      </header>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void doIt();
        }}
      >
        {words.map((each) => (
          <p key={each}>{each}</p>
        ))}
        <FormContext value={form}>{children}</FormContext>
        {failure && (
          <Banner tone="bad" alert>
            {failure}
          </Banner>
        )}
        {hindered && <p className="quiet">{hindered}</p>}
        <div className="row">
          <button type="submit" className={danger ? "button danger" : "button main"} disabled={busy || Boolean(hindered)}>
            {busy ? c.confirm.busy : press}
          </button>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {c.confirm.cancel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
