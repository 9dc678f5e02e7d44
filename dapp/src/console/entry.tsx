/** Fields of a form whose reasons for a refusal come from the API, each shown at its field. */

import { createContext, use, useEffect, useId } from "react";

import type { Unfit } from "../api/client";
import { reasonFor } from "./refusal";
import { Words } from "./words";

export interface Form {
  errors: readonly Unfit[];
  /** A field of this name is shown, until what is returned is called. */
  claim: (field: string) => () => void;
  /** Something that the form asked for beside its purpose failed. */
  fail: (failure: unknown) => void;
}

export const FormContext = createContext<Form>({ errors: [], claim: () => () => undefined, fail: () => undefined });

interface Props {
  /** Its place in the body, joined by dots. */
  field: string;
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: string | undefined;
  /** How its text must look, in words. */
  shape?: string;
  unit?: string;
  /** Numbers get their keyboard; an area has lines. */
  kind?: "text" | "number" | "area";
  className?: string;
}

export function Entry({ field, label, value, change, hint, shape, unit, kind = "text", className = "" }: Props) {
  const id = useId();
  const { errors, claim } = use(FormContext);
  useEffect(() => claim(field), [claim, field]);
  const wrong = reasonFor(field, errors, shape);
  const common = {
    id,
    value,
    autoComplete: "off",
    spellCheck: false,
    "aria-invalid": wrong ? true : undefined,
    "aria-describedby": `${id}-wrong ${id}-hint`,
  } as const;
  return (
    <div className={`field ${className}`}>
      <label htmlFor={id}>{label}</label>
      {kind === "area" ? (
        <textarea className="lines" rows={3} {...common} onChange={(event) => change(event.target.value)} />
      ) : (
        <span className={unit ? "with-unit" : "without-unit"}>
          <input
            type="text"
            inputMode={kind === "number" ? "decimal" : "text"}
            {...common}
            onChange={(event) => change(event.target.value)}
          />
          {unit && <span className="unit">{unit}</span>}
        </span>
      )}
      <span className="wrong" id={`${id}-wrong`} role="alert">
        {wrong && <Words of={wrong} />}
      </span>
      <span className="hint" id={`${id}-hint`}>
        <Words of={hint ?? shape ?? ""} />
      </span>
    </div>
  );
}

/** A yes or no, with what it means. */
export function Tick({ label, on, change }: { label: string; on: boolean; change: (on: boolean) => void }) {
  return (
    <label className="tick">
      <input type="checkbox" checked={on} onChange={(event) => change(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  name: string;
  options: readonly { value: T; label: string }[];
  value: T;
  change: (value: T) => void;
}

/** One of a few. */
export function Choice<T extends string>({ label, name, options, value, change }: ChoiceProps<T>) {
  return (
    <div className="field">
      <span className="group" aria-hidden="true">
        {label}
      </span>
      <fieldset className="choice">
        <legend className="unseen">{label}</legend>
        {options.map((option) => (
          <label key={option.value}>
            <input type="radio" name={name} checked={value === option.value} onChange={() => change(option.value)} />
            <span>{option.label}</span>
          </label>
        ))}
      </fieldset>
    </div>
  );
}
