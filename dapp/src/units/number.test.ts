import { describe, expect, it } from "vitest";

import { formatAge, formatCount, formatDuration, formatFee, formatPercent, formatUptime } from "./number";

describe("numbers", () => {
  it("never calls nearly always always", () => {
    expect(formatUptime(1)).toBe("100\u202f%");
    expect(formatUptime(0.999999)).toBe("99.99\u202f%");
    expect(formatPercent(0.05123)).toBe("5.12\u202f%");
    expect(formatFee(1_050)).toBe("10.5\u202f%");
    expect(formatCount(1_234_567)).toBe("1,234,567");
  });

  it.each([
    [0, "0 seconds"],
    [1, "1 second"],
    [61, "1 minute 1 second"],
    [7 * 86_400, "7 days"],
    [7 * 86_400 - 30, "6 days 23 hours"],
    [3_600, "1 hour"],
  ])("%i seconds are %s", (seconds, shown) => {
    expect(formatDuration(seconds)).toBe(shown);
  });

  it("says an age in one unit", () => {
    expect([-5, 59, 60, 3_599, 7_200, 172_800].map(formatAge)).toEqual(["0 s", "59 s", "1 min", "59 min", "2 h", "2 d"]);
  });
});
