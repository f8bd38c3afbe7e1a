import { describe, expect, it } from "vitest";
import { bounded, burstOf, draftOf, limitWords, MOST, policyOf, rateSentence, rateWords, wrongs, type Draft } from "./policy.ts";
import type { Policy } from "./answers.ts";

const none: Policy = { concurrency: null, key_concurrency: null, rate: null, key_rate: null };
const blank = (): Draft => draftOf(none);

describe("a policy", () => {
  it("comes back from its draft as it was", () => {
    const policies: Policy[] = [
      none,
      { ...none, concurrency: 4 },
      { concurrency: 1, key_concurrency: 2, rate: { jobs: 120, period_ms: 60_000, burst: 20 }, key_rate: { jobs: 1, period_ms: 1500, burst: null } },
      { ...none, rate: { jobs: 5, period_ms: 7_200_000, burst: null } },
    ];
    for (const policy of policies) {
      expect(wrongs(draftOf(policy))).toEqual([]);
      expect(policyOf(draftOf(policy))).toEqual(policy);
    }
  });

  it("is shown in the largest unit that is whole", () => {
    expect(draftOf({ ...none, rate: { jobs: 5, period_ms: 7_200_000, burst: null } }).rate).toMatchObject({ period: 2, unit: "h" });
    expect(draftOf({ ...none, rate: { jobs: 5, period_ms: 90_000, burst: null } }).rate).toMatchObject({ period: 90, unit: "s" });
    expect(draftOf({ ...none, rate: { jobs: 5, period_ms: 250, burst: null } }).rate).toMatchObject({ period: 0.25, unit: "s" });
  });
});

describe("what is wrong", () => {
  const at = (draft: Draft): string[] => wrongs(draft).map((one) => one.pointer);

  it("stands at its field", () => {
    expect(at({ ...blank(), concurrency: 0, keyConcurrency: 1.5 })).toEqual(["/concurrency", "/key_concurrency"]);
    expect(at({ ...blank(), concurrency: MOST + 1 })).toEqual(["/concurrency"]);
    expect(at({ ...blank(), concurrency: MOST, keyConcurrency: 1 })).toEqual([]);
  });

  it("is a rate that cannot be", () => {
    const rate = { jobs: 5, period: 1, unit: "s" as const, burst: null };
    expect(at({ ...blank(), rate })).toEqual([]);
    for (const wrong of [{ jobs: 0 }, { period: 0 }, { period: null }, { period: 0.0001 }, { period: 2000, unit: "h" as const }, { burst: 0 }, { burst: 1.5 }]) {
      expect(at({ ...blank(), keyRate: { ...rate, ...wrong } }), JSON.stringify(wrong)).toEqual(["/key_rate"]);
    }
    expect(at({ ...blank(), rate: { ...rate, jobs: null, burst: 2 } })).toEqual(["/rate"]);
  });
});

describe("in words", () => {
  it("is short in a row", () => {
    expect(limitWords(none)).toEqual([]);
    expect(limitWords({ concurrency: 4, key_concurrency: 1, rate: { jobs: 120, period_ms: 60_000, burst: null }, key_rate: null })).toEqual([
      "4 at a time", "120 a minute", "a key 1 at a time",
    ]);
    expect(rateWords({ jobs: 5, period_ms: 10_000, burst: null })).toBe("5 every 10 s");
  });

  it("says the burst, a tenth unless said", () => {
    expect([burstOf({ jobs: 120, period_ms: 1, burst: null }), burstOf({ jobs: 5, period_ms: 1, burst: null }), burstOf({ jobs: 5, period_ms: 1, burst: 3 })]).toEqual([12, 1, 3]);
    expect(rateSentence({ jobs: 5, period_ms: 1000, burst: null })).toBe("5 a second, 1 job at once after a pause");
  });

  it("counts up to a bound", () => {
    expect([bounded(1234), bounded(100_000)]).toEqual(["1,234", "100,000+"]);
  });
});
