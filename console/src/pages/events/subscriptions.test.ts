import { expect, test } from "vitest";
import { dryRunWords, edgeOf, lagWords, reached, standing, urgency, type Subscription } from "./subscriptions.ts";

const stream: Subscription = {
  name: "radio.air",
  kind: "stream",
  types: "radio.*",
  filter: null,
  ordered: true,
  position: 10,
  lag: 0,
  failures: 0,
  failing_since_ms: null,
  error: null,
  paused_at_ms: null,
  parked: 0,
};
const work: Subscription = { ...stream, name: "radio.compose", kind: "work", types: "github.*" };

test("a subscription is told by the worst that is so", () => {
  expect(standing(stream).word).toBe("up to date");
  expect(standing({ ...stream, lag: 3 }).word).toBe("behind");
  expect(standing({ ...stream, lag: 3, parked: 1 }).word).toBe("parked");
  expect(standing({ ...stream, parked: 1, failing_since_ms: 5 }).word).toBe("failing");
  expect(standing({ ...stream, failing_since_ms: 5, paused_at_ms: 6 }).word).toBe("paused");
  expect(standing({ ...stream, types: null }).word).toBe("undeclared");
  expect(standing(work).word).toBe("idle");
  expect(standing({ ...work, lag: 2 }).word).toBe("working");
  expect(standing({ ...work, lag: 2, failures: 1 }).word).toBe("retrying");
  expect(urgency({ ...stream, failing_since_ms: 5 })).toBeLessThan(urgency(stream));
});

test("how an event fared with each", () => {
  const phrase = { type: "radio.phrase", position: 8 };
  expect(reached(phrase, [], work, false)).toBeNull();
  expect(reached(phrase, [], stream, false)?.words).toBe("has gone past it");
  expect(reached(phrase, [], { ...stream, filter: { exact: {} } }, false)?.words).toContain("condition");
  expect(reached(phrase, [], stream, true)?.tone).toBe("bad");
  expect(reached({ ...phrase, position: 11 }, [], { ...stream, lag: 1 }, false)?.words).toBe("waits, 1 event before the end");
  expect(reached({ ...phrase, position: 11 }, [], { ...stream, paused_at_ms: 1 }, false)?.words).toContain("paused");
  const held = { ...stream, filter: { exact: {} } };
  expect(reached({ ...phrase, position: 11 }, [], held, false)).toMatchObject({ words: "does not want it, or has gone past it", tone: "quiet" });
  expect(reached({ ...phrase, position: 11 }, [], { ...held, lag: 2 }, false)?.words).toBe("waits, 2 events before the end");
  expect(reached({ ...phrase, position: 11 }, [], { ...held, paused_at_ms: 1 }, false)?.tone).toBe("warn");
  const push = { type: "github.push", position: 9 };
  expect(reached(push, [{ kind: "radio.compose" }], work, false)?.tone).toBe("ok");
  expect(reached(push, [], work, false)?.tone).toBe("quiet");
  expect(reached(push, [], { ...work, types: null }, false)).toBeNull();
});

test("a dry run in words", () => {
  const plan = { from_position: 1, to_position: 2000, count: 1, complete: true };
  expect(dryRunWords(plan)).toBe("1 event that it wants, between positions 1 and 2,000.");
  expect(dryRunWords({ ...plan, count: 5, complete: false })).toBe("At least 5 events that it wants, between positions 1 and 2,000.");
  expect(dryRunWords({ ...plan, count: 0 })).toContain("None");
  expect(dryRunWords({ ...plan, from_position: 3000 })).toContain("no event");
});

test("an edge is a position or a time", () => {
  expect(edgeOf(" 42 ")).toBe(42);
  expect(edgeOf("2026-11-21T09:00:00Z")).toBe("2026-11-21T09:00:00Z");
  expect(edgeOf("")).toBeNull();
});

test("lags stop", () => {
  expect(lagWords(9999)).toBe("9,999");
  expect(lagWords(10_000)).toBe("10,000+");
});
