import { expect, it } from "vitest";
import type { Overview } from "../contract.ts";
import { KEPT_SAMPLES, recent, withSample, type Sample } from "./series.ts";

function overview(nowMs: number, accepted: number, completed = 0): Overview {
  return {
    now_ms: nowMs,
    webhooks: { accepted_total: accepted, duplicate_total: 0, rejected_total: 0 },
    events: { latest_position: accepted },
    jobs: { available: 0, scheduled: 0, executing: 0, retryable: 0, completed, cancelled: 0, discarded: 0 },
    realtime: { connections: 3, channels: 0, subscriptions: 0 },
    process: { rss_bytes: 1, cpu_s: nowMs / 2000 },
  } as Overview;
}

it("makes rates of counters by the server's own clock", () => {
  const [sample] = withSample([], overview(1000, 10), overview(3000, 14));
  expect(sample).toMatchObject({ atMs: 3000, accepted: 2, events: 2, connections: 3, cpu: 0.5 });
});

it("takes a step down (a restart, pruning) for no traffic", () => {
  const [sample] = withSample([], overview(1000, 10, 500), overview(2000, 0, 3));
  expect(sample).toMatchObject({ accepted: 0, completed: 0 });
});

it("ignores the same state told twice", () => {
  expect(withSample([], overview(1000, 10), overview(1000, 10))).toEqual([]);
});

it("keeps a bounded past", () => {
  let samples: Sample[] = [];
  for (let i = 0; i < KEPT_SAMPLES + 20; i++) samples = withSample(samples, overview(i * 1000, i), overview((i + 1) * 1000, i + 1));
  expect(samples).toHaveLength(KEPT_SAMPLES);
});

it("reads the mean of the last few, and 0 of none", () => {
  const samples = [1, 2, 3, 4, 5, 6].map((accepted) => ({ accepted }) as Sample);
  expect(recent(samples, (sample) => sample.accepted, 5)).toBe(4);
  expect(recent([], (sample) => sample.accepted)).toBe(0);
});
