import { expect, test } from "vitest";
import { planWords, selectionWords } from "./replays.ts";

const all = { source: null, event_type: null, since_ms: null, until_ms: null, verdict: null };

test("a selection in words", () => {
  expect(selectionWords(all)).toBe("accepted deliveries to every source");
  const since = new Date(2026, 10, 21, 9).getTime();
  expect(selectionWords({ ...all, source: "github", event_type: "github.push", verdict: "rejected", since_ms: since })).toBe(
    "rejected github.push deliveries to github, since 2026-11-21 09:00:00",
  );
});

test("a plan in words", () => {
  expect(planWords({ count: 0, oldest_ms: null, newest_ms: null })).toBe("No delivery is chosen by this.");
  const ms = new Date(2026, 10, 21, 9).getTime();
  expect(planWords({ count: 1, oldest_ms: ms, newest_ms: ms })).toBe("1 delivery, from 2026-11-21 09:00:00 to 2026-11-21 09:00:00.");
  expect(planWords({ count: 100_001, oldest_ms: null, newest_ms: null })).toContain("choose less");
});
