import { expect, it } from "vitest";
import type { Phrase } from "../phrase";
import { Lapse, LAPSE_MS } from "./lapse";

const DAY_MS = 86_400_000;
const phrase = (n: number, at_ms: number) => ({ n, at_ms }) as Phrase;
const numbers = (phrases: Phrase[]) => phrases.map(({ n }) => n);

it("plays a day in a minute, each phrase once and in order", () => {
  const lapse = new Lapse({ from_ms: 0, to_ms: DAY_MS, total: 9, phrases: [phrase(3, DAY_MS - 1), phrase(1, 0), phrase(2, DAY_MS / 2)] });
  expect(numbers(lapse.due(0))).toEqual([1]);
  expect(numbers(lapse.due(LAPSE_MS / 2 - 1))).toEqual([]);
  expect(lapse.timeAt(LAPSE_MS / 2)).toBe(DAY_MS / 2);
  expect(numbers(lapse.due(LAPSE_MS / 2))).toEqual([2]);
  expect(lapse.isOver(LAPSE_MS - 1)).toBe(false);
  // A page that slept catches up with all of it.
  expect(numbers(lapse.due(10 * LAPSE_MS))).toEqual([3]);
  expect([lapse.isOver(LAPSE_MS), lapse.played, lapse.total]).toEqual([true, 3, 9]);
});

it("is over in time for a day without a phrase", () => {
  const lapse = new Lapse({ from_ms: 5, to_ms: 6, total: 0, phrases: [] });
  expect(lapse.due(LAPSE_MS)).toEqual([]);
});
