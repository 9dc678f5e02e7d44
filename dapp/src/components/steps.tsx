/** The steps of something that takes a while: done, under way, failed, to come. */

import type { ReactNode } from "react";

import { t } from "../texts";
import { Icon } from "./address";

export type StepState = "done" | "now" | "failed" | "next";

export interface Step {
  name: string;
  state: StepState;
  note?: ReactNode;
}

export function Steps({ steps, label }: { steps: readonly Step[]; label: string }) {
  return (
    <ol className="steps" aria-label={label}>
      {steps.map((step, index) => (
        <li key={step.name} className={step.state} aria-current={step.state === "now" ? "step" : undefined}>
          <span className="sign" aria-hidden="true">
            {step.state === "done" ? (
              <Icon name="check" />
            ) : step.state === "failed" ? (
              <Icon name="cross" />
            ) : (
              index + 1
            )}
          </span>
          <span className="name">
            {step.name}
            <span className="unseen"> {t.steps[step.state]}</span>
          </span>
          {step.note && <span className="note">{step.note}</span>}
        </li>
      ))}
    </ol>
  );
}
