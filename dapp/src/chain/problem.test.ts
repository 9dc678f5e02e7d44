import { describe, expect, it } from "vitest";

import { fromError } from "./problem";

const nested = (inner: object) => Object.assign(new Error("outer"), { cause: Object.assign(new Error("inner"), inner) });

describe("what wallets and endpoints throw", () => {
  it.each([
    [{ code: 4001 }, "rejected"],
    [{ code: -32002 }, "busy"],
    [{ code: 4900 }, "silent"],
    [{ message: "insufficient funds for gas * price + value" }, "gas"],
    [{ message: "execution reverted: Staking is paused" }, "paused"],
    [{ message: "execution reverted: Above the node's capacity" }, "full"],
    [{ message: "execution reverted: Ticket is not ready" }, "early"],
    [{ message: "execution reverted" }, "reverted"],
    [{ message: "Failed to fetch" }, "silent"],
    [{ message: "the moon is full of cheese" }, "unknown"],
  ])("%j is %s, however deep", (error, kind) => {
    expect(fromError(nested(error)).kind).toBe(kind);
    expect(fromError(Object.assign(new Error(""), error)).kind).toBe(kind);
  });
});
