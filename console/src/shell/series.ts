// What the overview draws: rates from counters, a minute or two of them. Pure.

import type { Overview } from "../contract.ts";

export interface Sample {
  atMs: number;
  /** Webhooks answered with success, a second. */
  accepted: number;
  /** Events appended, a second. */
  events: number;
  /** Jobs completed, a second. */
  completed: number;
  /** Share of one core. */
  cpu: number;
  connections: number;
  rssBytes: number;
}

export const KEPT_SAMPLES = 120;

/** Counters start again with the server and jobs are pruned: a step down is no traffic, not negative traffic. */
function perSecond(before: number, after: number, seconds: number): number {
  return Math.max(0, after - before) / seconds;
}

/** The samples with one more; unchanged when no time has passed between the two states. */
export function withSample(samples: Sample[], before: Overview, after: Overview): Sample[] {
  const seconds = (after.now_ms - before.now_ms) / 1000;
  if (seconds <= 0) return samples;
  const sample: Sample = {
    atMs: after.now_ms,
    accepted: perSecond(before.webhooks.accepted_total, after.webhooks.accepted_total, seconds),
    events: perSecond(before.events.latest_position, after.events.latest_position, seconds),
    completed: perSecond(before.jobs.completed, after.jobs.completed, seconds),
    cpu: perSecond(before.process.cpu_s, after.process.cpu_s, seconds),
    connections: after.realtime.connections,
    rssBytes: after.process.rss_bytes,
  };
  return [...samples, sample].slice(-KEPT_SAMPLES);
}

/** The mean over the last few samples: a number that people can read while it changes. */
export function recent(samples: Sample[], of: (sample: Sample) => number, last = 5): number {
  const taken = samples.slice(-last).map(of);
  return taken.length === 0 ? 0 : taken.reduce((sum, value) => sum + value, 0) / taken.length;
}
