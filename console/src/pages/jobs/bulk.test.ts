import { describe, expect, it } from "vitest";
import { bulksFor, buttonWords, filterOf, isBulk, matchWords, outcomeWords, warning, type Chosen } from "./bulk.ts";

const none: Chosen = { state: null, kind: null, queue: null, batch: null, error: "", fromMs: null };

describe("a filter", () => {
  it("leaves out what does not matter", () => {
    expect(filterOf(none)).toEqual({});
    expect(filterOf({ ...none, error: "  ", batch: "" })).toEqual({});
  });

  it("is as the server takes it", () => {
    const chosen: Chosen = { state: "discarded", kind: "invoice.send", queue: "mail", batch: "12", error: " SMTP 451 ", fromMs: 1000.7 };
    expect(filterOf(chosen)).toEqual({ state: "discarded", kind: "invoice.send", queue: "mail", batch: 12, error: "SMTP 451", from_ms: 1000 });
  });

  it("asks for no batch that is no number", () => {
    expect(filterOf({ ...none, batch: "x1" })).toEqual({});
  });
});

describe("what can be done", () => {
  it("depends on the state", () => {
    expect(bulksFor(null)).toEqual(["redrive", "cancel"]);
    expect(bulksFor("completed")).toEqual(["redrive"]);
    expect(bulksFor("pending")).toEqual(["cancel"]);
    expect([isBulk("redrive"), isBulk("12"), isBulk(undefined)]).toEqual([true, false, false]);
  });

  it("is said before it is done", () => {
    expect(warning("redrive", "completed")).toContain("a second time");
    expect(warning("redrive", "discarded")).not.toContain("a second time");
    expect(warning("cancel", null)).toContain("told to stop");
    expect(warning("cancel", "scheduled")).not.toContain("told to stop");
  });
});

describe("answers", () => {
  it("count what fits", () => {
    expect(matchWords({ matching: 0, more: false, job: null })).toBe("No job fits.");
    expect(matchWords({ matching: 1, more: false, job: null })).toBe("1 job fits now.");
    expect(matchWords({ matching: 100_000, more: true, job: null })).toBe("More than 100,000 jobs fit now.");
    expect(buttonWords("redrive", { matching: 1204, more: false, job: null })).toBe("Redrive 1,204 jobs");
    expect(buttonWords("cancel", { matching: 100_000, more: true, job: null })).toBe("Cancel all, more than 100,000 jobs");
    expect(buttonWords("cancel", null)).toBe("Cancel them");
  });

  it("say what became of it", () => {
    expect(outcomeWords("redrive", { matched: 5, changed: 5 })).toBe("5 jobs were begun anew.");
    expect(outcomeWords("cancel", { matched: 3, changed: 1 })).toBe("1 job was called off. 2 were left: they ended meanwhile.");
    expect(outcomeWords("cancel", null)).toBeNull();
    expect(outcomeWords("cancel", { matched: "3" })).toBeNull();
  });
});
