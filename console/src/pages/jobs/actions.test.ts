import { describe, expect, it } from "vitest";
import type { JobDetail, JobState } from "../../contract.ts";
import { cancelOf, cancelled, retried, retryOf, waitsFor } from "./actions.ts";

const job = (state: JobState, more: Partial<JobDetail> = {}): JobDetail =>
  ({ id: "7", kind: "k", state, attempt: 1, max_attempts: 3, cancelling: false, followers: [], after: [], order_key: null, lease_ends_at_ms: null, ...more }) as JobDetail;

describe("running a job now or again", () => {
  it("is offered where the server does it", () => {
    const offered = (["pending", "available", "scheduled", "executing", "retryable", "completed", "cancelled", "discarded"] as const).filter((state) => retryOf(job(state)) !== null);
    expect(offered).toEqual(["scheduled", "retryable", "completed", "cancelled", "discarded"]);
  });

  it("asks before it does what is done a second time", () => {
    expect(retryOf(job("completed"))?.yes).not.toBeNull();
    expect(retryOf(job("discarded"))?.yes).toBeNull();
    expect(retryOf(job("retryable"))?.words).toContain("attempt 2 of 3");
    expect(retryOf(job("discarded", { max_attempts: 1 }))?.words).toContain("one attempt");
  });
});

describe("calling a job off", () => {
  it("is offered until it has ended or is called off", () => {
    expect(cancelOf(job("completed"))).toBeNull();
    expect(cancelOf(job("executing", { cancelling: true }))).toBeNull();
    expect(cancelOf(job("pending"))?.label).toBe("Cancel…");
    expect(cancelOf(job("executing"))?.label).toBe("Stop…");
  });

  it("says how a worker hears of it, and what waits for the job", () => {
    expect(cancelOf(job("executing"))?.words).toContain("aborted");
    expect(cancelOf(job("executing", { lease_ends_at_ms: 9 }))?.words).toContain("heartbeat");
    expect(cancelOf(job("available", { followers: ["8"] }))?.words).toContain("1 job that comes after it");
    expect(cancelOf(job("available", { followers: ["8", "9"] }))?.words).toContain("2 jobs that come after it");
  });
});

it("says what became of it", () => {
  expect(retried(job("available"))).toBe("Job 7 is available: it runs as soon as a worker is free.");
  expect(cancelled(job("cancelled"))).toContain("is cancelled");
  expect(cancelled(job("executing"))).toContain("told to stop");
});

it("says what a pending job waits for", () => {
  expect(waitsFor(job("pending", { after: ["1", "2"] }))).toBe("It waits until 2 other jobs have ended.");
  expect(waitsFor(job("pending", { order_key: "acme" }))).toContain("acme");
  expect(waitsFor(job("pending"))).toContain("batch");
});
