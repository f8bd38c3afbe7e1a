// How a batch is doing, in words and in parts of a bar. Pure.

import { count, plural } from "../../shared/format.ts";
import type { Part } from "../../ui/Bar.svelte";
import type { Tone } from "../../ui/Chip.svelte";
import type { Batch } from "./answers.ts";

export function leftOf(batch: Batch): number {
  return Math.max(0, batch.total - batch.completed - batch.cancelled - batch.discarded);
}

export function partsOf(batch: Batch): Part[] {
  return [
    { value: batch.completed, tone: "ok" },
    { value: batch.cancelled, tone: "quiet" },
    { value: batch.discarded, tone: "bad" },
  ];
}

/** One word for a batch. */
export function standing(batch: Batch): { word: string; tone: Tone } {
  if (batch.finished_at_ms !== null) return batch.discarded + batch.cancelled > 0 ? { word: "finished", tone: "warn" } : { word: "finished", tone: "ok" };
  return batch.sealed_at_ms === null ? { word: "open", tone: "quiet" } : { word: "running", tone: "accent" };
}

/** "11 of 24 done, 3 failed, 10 left". */
export function progressWords(batch: Batch): string {
  if (batch.total === 0) return "no job in it";
  const left = leftOf(batch);
  return [
    `${count(batch.completed)} of ${count(batch.total)} done`,
    ...(batch.discarded > 0 ? [`${count(batch.discarded)} failed`] : []),
    ...(batch.cancelled > 0 ? [`${count(batch.cancelled)} cancelled`] : []),
    ...(left > 0 ? [`${count(left)} left`] : []),
  ].join(", ");
}

/** What sealing does to it now. */
export function sealWords(batch: Batch): string {
  const callback = batch.callback === null ? "" : leftOf(batch) === 0 ? " Its callback begins at once." : " Its callback begins when all of them have ended.";
  return `Nothing more can be added to it.${callback} A sealed batch cannot be opened again.`;
}

/** What calling it off does now. */
export function cancelWords(batch: Batch): string {
  const seal = batch.sealed_at_ms === null ? " It is sealed too, and cannot be opened again." : "";
  const callback = batch.callback === null ? "" : " Its callback still begins.";
  return `${plural(leftOf(batch), "job")} that ${leftOf(batch) === 1 ? "has" : "have"} not ended will be cancelled; running ones are told to stop.${seal}${callback}`;
}
