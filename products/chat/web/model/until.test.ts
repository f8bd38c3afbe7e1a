import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Until } from "./until";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe("what has to happen", () => {
  it("is tried until it worked, with pauses", async () => {
    const fates = [false, false, true];
    const told: unknown[] = [];
    let tries = 0;
    const until = new Until(async () => {
      tries += 1;
      if (!fates.shift()) throw new Error("away");
    }, (failure) => (told.push(failure), true), () => 0.5);
    until.want();
    await settle();
    expect([tries, until.open]).toEqual([1, true]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(tries).toBe(2);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(tries).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect([tries, until.open, told.at(-1)]).toEqual([3, false, null]);
  });

  it("does not wait out its pause when the net is back", async () => {
    let works = false;
    const until = new Until(async () => {
      if (!works) throw new Error("away");
    }, () => true);
    until.want();
    await settle();
    works = true;
    until.now();
    await settle();
    expect(until.open).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it("is done once more when it was asked for meanwhile", async () => {
    const ends: (() => void)[] = [];
    const until = new Until(() => new Promise<void>((done) => ends.push(done)), () => true);
    until.want();
    until.want();
    until.want();
    ends[0]?.();
    await settle();
    expect([ends.length, until.open]).toEqual([2, true]);
    ends[1]?.();
    await settle();
    expect([ends.length, until.open]).toEqual([2, false]);
  });

  it("is given up where no try helps, and when it is stopped", async () => {
    let tries = 0;
    const fail = async (): Promise<void> => {
      tries += 1;
      throw new Error("gone");
    };
    const refused = new Until(fail, () => false);
    refused.want();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([tries, refused.open]).toEqual([1, false]);
    const stopped = new Until(fail, () => true);
    stopped.want();
    await settle();
    stopped.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toBe(2);
  });
});
