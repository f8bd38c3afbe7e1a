import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../contract.ts";
import { many, planWords, standing, typesOf, whyDisabled } from "./words.ts";

const one: Endpoint = {
  id: "ep_1", url: "https://example.org/", description: "", types: ["*"], per_minute: null, enabled: true, disabled: null,
  disabled_at_ms: null, failures: 0, failing_since_ms: null, disables_at_ms: null, delivered_at_ms: 1, pending: 0, failed: 0,
  created_at_ms: 0, updated_at_ms: 0,
};

describe("an endpoint's standing", () => {
  it("is one word", () => {
    expect(standing(one)).toEqual({ word: "healthy", tone: "ok" });
    expect(standing({ ...one, delivered_at_ms: null }).word).toBe("waiting");
    expect(standing({ ...one, failures: 1 }).word).toBe("failing");
    expect(standing({ ...one, failures: 9, disabled: "failing" })).toEqual({ word: "disabled", tone: "bad" });
    expect(standing({ ...one, disabled: "owner" })).toEqual({ word: "disabled", tone: "quiet" });
    expect(standing({ ...one, disabled: "gone" }).word).toBe("gone");
  });

  it("says why it gets nothing", () => {
    expect(whyDisabled(one)).toBe("");
    expect(whyDisabled({ ...one, disabled: "gone" })).toContain("410");
  });
});

describe("a recovery's plan", () => {
  const plan = { missed: 0, failed: 0, events: 12, complete: true };
  it("is a sentence", () => {
    expect(planWords(plan)).toBe("Nothing was missed.");
    expect(planWords({ ...plan, missed: 1 })).toBe("1 event that never went to it.");
    expect(planWords({ ...plan, missed: 1200, failed: 1 })).toBe("1,200 events that never went to it and 1 message that was given up.");
    expect(planWords({ ...plan, failed: 2, complete: false })).toBe("2 messages that were given up (only the newest 12 events were looked at).");
  });
});

describe("what a person types", () => {
  it("becomes types, each once", () => {
    expect(typesOf(" github.*, radio.phrase\nradio.phrase ")).toEqual(["github.*", "radio.phrase"]);
    expect(typesOf("")).toEqual([]);
  });

  it("counts up to a thousand", () => {
    expect([many(7), many(1000)]).toEqual(["7", "1,000+"]);
  });
});
