import { expect, it } from "vitest";
import type { Job, JobChanges, JobState } from "../../contract.ts";
import { fellBehind, TOLD_MOST } from "./freshness.ts";

const counts = (discarded: number): Record<JobState, number> => ({
  pending: 0, available: 0, scheduled: 0, executing: 0, retryable: 0, completed: 0, cancelled: 0, discarded,
});
const job = (id: number, state: JobState): Job => ({ id: String(id), state }) as Job;
const told = (newest: number, rows: number, discarded = 0): JobChanges => ({
  items: Array.from({ length: rows }, (_, i) => job(newest - i, "completed")), counts: counts(discarded), skipped: 0,
});

it("trusts a message that tells of every job", () => {
  expect(fellBehind([job(1, "executing")], "executing", counts(0), told(9, 9, 4))).toBe(false);
});

it("doubts unfinished rows that are older than what was told", () => {
  expect(fellBehind([job(9, "executing")], null, null, told(100, TOLD_MOST))).toBe(true);
  expect(fellBehind([job(51, "executing")], null, null, told(100, TOLD_MOST))).toBe(false);
  expect(fellBehind([job(9, "discarded")], null, null, told(100, TOLD_MOST))).toBe(false);
});

it("doubts a state of which there are more or fewer now", () => {
  expect(fellBehind([], "discarded", counts(2), told(100, TOLD_MOST, 3))).toBe(true);
  expect(fellBehind([], "discarded", counts(3), told(100, TOLD_MOST, 3))).toBe(false);
  expect(fellBehind([], null, counts(2), told(100, TOLD_MOST, 3))).toBe(false);
});
