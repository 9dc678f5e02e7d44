import { describe, expect, it } from "vitest";

import { exactAmount, formatAmount, ONE, parseAmount, partUp, ratio } from "./amount";

describe("an amount as people read it", () => {
  it.each([
    [0n, 2, "0.00"],
    [ONE, 2, "1.00"],
    [1_234_567n * ONE + ONE / 2n, 2, "1,234,567.50"],
    [1_999_999_999_999_999_999n, 2, "1.99"],
    [-ONE / 3n, 4, "-0.3333"],
    [1n, 2, "< 0.01"],
    [-1n, 2, "> -0.01"],
    [999n * ONE, 0, "999"],
    [100_000n * ONE, 0, "100,000"],
  ])("%s with %i places is %s", (amount, places, shown) => {
    expect(formatAmount(amount, places)).toBe(shown);
  });

  it("never shows more than there is", () => {
    for (let amount = 1n; amount < 10n ** 27n; amount = amount * 7n + 3n) {
      const shown = formatAmount(amount, 2);
      if (shown.startsWith("<")) continue;
      const back = parseAmount(shown);
      expect("amount" in back && back.amount <= amount && amount - back.amount < ONE / 100n).toBe(true);
    }
  });
});

describe("what somebody typed", () => {
  it.each([
    ["1", ONE],
    ["1.", ONE],
    [".5", ONE / 2n],
    [" 1,250.75 ", (1_250n * 100n + 75n) * (ONE / 100n)],
    ["0.000000000000000001", 1n],
    ["0", 0n],
  ])("%s is an amount", (text, amount) => {
    expect(parseAmount(text)).toEqual({ amount });
  });

  it.each([
    ["", "empty"],
    ["  ", "empty"],
    [".", "unclear"],
    ["1.000,50", "unclear"],
    ["1,25", "unclear"],
    ["-1", "unclear"],
    ["1e3", "unclear"],
    ["12 LINK", "unclear"],
    ["9".repeat(41), "unclear"],
    ["0.0000000000000000001", "precise"],
  ])("%j is %s", (text, problem) => {
    expect(parseAmount(text)).toEqual({ problem });
  });

  it("is what the exact form of an amount means", () => {
    for (let amount = 0n; amount < 10n ** 30n; amount = amount * 11n + 7n) {
      expect(parseAmount(exactAmount(amount))).toEqual({ amount });
    }
  });
});

describe("parts", () => {
  it("rounds up what may be lost", () => {
    expect(partUp(250n, 1n, 100n)).toBe(3n);
    expect(partUp(300n, 1n, 100n)).toBe(3n);
    expect(partUp(0n, 1n, 100n)).toBe(0n);
  });

  it("has a ratio of nothing", () => {
    expect(ratio(1n, 0n)).toBe(0);
    expect(ratio(1n, 4n)).toBe(0.25);
  });
});
