// A queue's limits as a person types them, as the server takes them, and in words. Pure.

import type { FieldError } from "../../shared/api.ts";
import { count, duration, plural } from "../../shared/format.ts";
import type { Policy, Rate } from "./answers.ts";

/** The server's bound of every number: 32 bits. */
export const MOST = 4_294_967_295;

export const UNITS = { s: 1000, min: 60_000, h: 3_600_000 } as const;
export type Unit = keyof typeof UNITS;

/** What an empty `<input type="number">` gives is null. */
export interface RateDraft {
  jobs: number | null;
  period: number | null;
  unit: Unit;
  burst: number | null;
}

export interface Draft {
  concurrency: number | null;
  keyConcurrency: number | null;
  rate: RateDraft;
  keyRate: RateDraft;
}

function rateDraft(rate: Rate | null): RateDraft {
  if (!rate) return { jobs: null, period: 1, unit: "min", burst: null };
  const unit = (["h", "min", "s"] as const).find((one) => rate.period_ms % UNITS[one] === 0) ?? "s";
  return { jobs: rate.jobs, period: rate.period_ms / UNITS[unit], unit, burst: rate.burst };
}

export function draftOf(policy: Policy): Draft {
  return {
    concurrency: policy.concurrency,
    keyConcurrency: policy.key_concurrency,
    rate: rateDraft(policy.rate),
    keyRate: rateDraft(policy.key_rate),
  };
}

function wrongNumber(value: number | null): string | null {
  if (value === null) return null;
  if (!Number.isInteger(value)) return "A whole number.";
  if (value < 1) return "1 at least; empty for no limit.";
  return value > MOST ? `${count(MOST)} at most.` : null;
}

function wrongRate(rate: RateDraft): string | null {
  if (rate.jobs === null) return rate.burst === null ? null : "A burst needs a number of jobs beside it.";
  const jobs = wrongNumber(rate.jobs);
  if (jobs) return `Jobs: ${jobs}`;
  const periodMs = (rate.period ?? 0) * UNITS[rate.unit];
  if (periodMs < 1 || !Number.isInteger(periodMs)) return "The period is 1 ms at least.";
  if (periodMs > MOST) return `The period is ${duration(MOST)} at most.`;
  const burst = wrongNumber(rate.burst);
  return burst ? `Burst: ${burst}` : null;
}

/** What is wrong with it, in the server's own pointers; empty when nothing is. */
export function wrongs(draft: Draft): FieldError[] {
  const all: [string, string | null][] = [
    ["/concurrency", wrongNumber(draft.concurrency)],
    ["/key_concurrency", wrongNumber(draft.keyConcurrency)],
    ["/rate", wrongRate(draft.rate)],
    ["/key_rate", wrongRate(draft.keyRate)],
  ];
  return all.flatMap(([pointer, detail]) => (detail === null ? [] : [{ pointer, detail }]));
}

function rateOf(draft: RateDraft): Rate | null {
  return draft.jobs === null ? null : { jobs: draft.jobs, period_ms: (draft.period ?? 1) * UNITS[draft.unit], burst: draft.burst };
}

/** To be asked of a draft with nothing wrong. */
export function policyOf(draft: Draft): Policy {
  return { concurrency: draft.concurrency, key_concurrency: draft.keyConcurrency, rate: rateOf(draft.rate), key_rate: rateOf(draft.keyRate) };
}

/** "120 a minute", "5 every 10 s". */
export function rateWords(rate: Rate): string {
  const { period, unit } = rateDraft(rate);
  const every = period === 1 ? { s: "a second", min: "a minute", h: "an hour" }[unit] : `every ${period} ${unit}`;
  return `${count(rate.jobs)} ${every}`;
}

/** How many may begin at once after a pause. */
export function burstOf(rate: Rate): number {
  return rate.burst ?? Math.max(1, Math.floor(rate.jobs / 10));
}

/** Short, for a row; empty without limits. */
export function limitWords(policy: Policy): string[] {
  return [
    ...(policy.concurrency === null ? [] : [`${count(policy.concurrency)} at a time`]),
    ...(policy.rate === null ? [] : [rateWords(policy.rate)]),
    ...(policy.key_concurrency === null ? [] : [`a key ${count(policy.key_concurrency)} at a time`]),
    ...(policy.key_rate === null ? [] : [`a key ${rateWords(policy.key_rate)}`]),
  ];
}

/** A sentence for a rate with its burst. */
export function rateSentence(rate: Rate): string {
  return `${rateWords(rate)}, ${plural(burstOf(rate), "job")} at once after a pause`;
}

/** Counts of a queue stop at 100,000. */
export function bounded(n: number): string {
  return n >= 100_000 ? `${count(100_000)}+` : count(n);
}
