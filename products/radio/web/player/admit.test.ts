import { describe, expect, it } from "vitest";
import { Admission, HISTORY_MS, isHistory, mergeRecent } from "./admit";

describe("history", () => {
  it("is what is older than ten seconds on arrival", () => {
    expect(isHistory({ n: 1, at_ms: 50_000 }, 50_000 + HISTORY_MS)).toBe(false);
    expect(isHistory({ n: 1, at_ms: 50_000 }, 50_001 + HISTORY_MS)).toBe(true);
  });

  it("is never what seems to come from the future", () => {
    expect(isHistory({ n: 1, at_ms: 90_000 }, 50_000)).toBe(false);
  });
});

describe("admission", () => {
  it("lets each number in once, in any order", () => {
    const admission = new Admission();
    expect([3, 1, 3, 2, 1].map((n) => admission.admit(n))).toEqual([true, true, false, true, false]);
    expect(admission.latest).toBe(3);
  });

  it("always lets test phrases in", () => {
    const admission = new Admission();
    expect([admission.admit(0), admission.admit(0)]).toEqual([true, true]);
  });

  it("remembers in bounded space and takes what is far behind for seen", () => {
    const admission = new Admission();
    for (let n = 1; n <= 3 * Admission.REMEMBERED; n++) expect(admission.admit(n)).toBe(true);
    expect(admission.admit(1)).toBe(false);
    expect(admission.admit(3 * Admission.REMEMBERED)).toBe(false);
  });

  it("forgets when the numbers begin again", () => {
    const admission = new Admission();
    admission.admit(9);
    admission.reset();
    expect(admission.admit(9)).toBe(true);
  });
});

describe("the recent past", () => {
  const one = (n: number) => ({ n, at_ms: n });

  it("is newest first, each number once, bounded", () => {
    expect(mergeRecent([one(3), one(1)], [one(2), one(3), one(4), one(4)], 3).map(({ n }) => n)).toEqual([4, 3, 2]);
  });

  it("keeps the copy that is shown already", () => {
    const shown = one(1);
    expect(mergeRecent([shown], [one(1)], 9)[0]).toBe(shown);
  });
});
