import { expect, test } from "vitest";

import { bars, burn, leftWords, sentence, span, standing, standingOf, summary, times, type Alert, type Objective } from "./objectives.ts";

const objective = (over: Partial<Objective>): Objective => ({
  name: "api_availability",
  title: "API availability",
  good: "",
  percent: 99.9,
  window_days: 30,
  runbook: "",
  bad: 0,
  total: 1000,
  budget_left: 1,
  burns: [],
  days: [],
  alert: null,
  silenced_until_ms: null,
  ...over,
});

const alert = (over: Partial<Alert>): Alert => ({
  id: "1",
  objective: "api_availability",
  severity: "page",
  state: "open",
  opened_at_ms: 0,
  fired_at_ms: 0,
  acknowledged_at_ms: null,
  resolved_at_ms: null,
  long_min: 60,
  short_min: 5,
  threshold: 14.4,
  long_burn: 20,
  short_burn: 20,
  bad: 1200,
  total: 60000,
  ...over,
});

test("an objective stands as its worst", () => {
  expect(standing(objective({})).word).toBe("In order");
  expect(standing(objective({ total: 0 })).word).toBe("No traffic");
  expect(standing(objective({ alert: "ticket" })).word).toBe("Leaking");
  expect(standing(objective({ alert: "ticket", budget_left: -1 })).word).toBe("Budget spent");
  expect(standing(objective({ alert: "page", budget_left: -1 })).word).toBe("Burning");
});

test("burns and what is left read as people say them", () => {
  expect(burn(objective({}), { bad: 2, total: 1000 })).toBe(2);
  expect([0, 0.01, 0.4, 14.5, 1000].map(times)).toEqual(["0×", "<0.1×", "0.4×", "14.5×", "1,000×"]);
  expect([5, 30, 360, 4320].map(span)).toEqual(["5 min", "30 min", "6 h", "3 d"]);
  expect([1, 0.99999, 0.42, 0, -1.3].map(leftWords)).toEqual(["100 %", "99.99 %", "42 %", "0 %", "−130 %"]);
});

test("a day is measured by its own share of the budget", () => {
  const days = [
    { at_ms: 0, bad: 0, total: 0 },
    { at_ms: 1, bad: 0, total: 100 },
    { at_ms: 2, bad: 3, total: 2000 },
    { at_ms: 3, bad: 50, total: 100 },
  ];
  expect(bars(objective({ days })).map((bar) => [bar.tone, bar.height])).toEqual([
      ["none", 0],
      ["ok", 0.06],
      ["warn", 0.5],
      ["bad", 1],
    ]);
});

test("what pages stands first, what is over not at all", () => {
  const alerts = [alert({ id: "1", severity: "ticket" }), alert({ id: "2", state: "resolved" }), alert({ id: "3", state: "acknowledged" })];
  expect(standingOf(alerts).map((one) => one.id)).toEqual(["3", "1"]);
});

test("sentences count what stands", () => {
  expect(sentence(alert({}))).toBe("Spends its budget 20× too fast: 1,200 bad of 60,000 in 1 h.");
  expect(summary([objective({})], [alert({ state: "resolved" })])).toBe("Every promise is kept");
  expect(summary([], [alert({}), alert({ state: "acknowledged" })])).toBe("2 alerts stand");
  expect(summary([objective({ budget_left: -0.1 })], [])).toBe("One budget is spent");
});
