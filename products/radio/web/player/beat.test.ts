import { describe, expect, it } from "vitest";
import { LOOK_AHEAD_S, nextStart, WAIT_MAX_S } from "./beat";

const grid = (starts_at: number, bpm: number, length_s: number) => ({ starts_at, beat_s: 60 / bpm, music_ends_at: starts_at + length_s });

describe("the start of a phrase", () => {
  it("is at once when nothing sounds", () => {
    expect(nextStart(10, [])).toBeCloseTo(10 + LOOK_AHEAD_S);
    expect(nextStart(10, [grid(0, 120, 4)])).toBeCloseTo(10 + LOOK_AHEAD_S);
  });

  it("is the next beat of what sounds", () => {
    expect(nextStart(1.1, [grid(0, 120, 8)])).toBeCloseTo(1.5);
    // The beat at 1.5 comes before anything could be ready.
    expect(nextStart(1.48, [grid(0, 120, 8)])).toBeCloseTo(2);
  });

  it("does not lose a beat to rounding", () => {
    expect(nextStart(1.5 - LOOK_AHEAD_S, [grid(0, 120, 8)])).toBeCloseTo(1.5);
  });

  it("follows the youngest phrase", () => {
    expect(nextStart(2.1, [grid(0, 120, 8), grid(2, 60, 8)])).toBeCloseTo(3);
  });

  it("makes a canon of a burst: no two phrases on one beat", () => {
    const sounding = [grid(0, 120, 8)];
    const starts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const start = nextStart(0.1, sounding)!;
      starts.push(start);
      sounding.push(grid(start, 120, 8));
    }
    expect(starts.map((start) => Math.round(start * 1000))).toEqual([500, 1000, 1500]);
  });

  it("is not so late that it belongs to nothing any more", () => {
    expect(nextStart(0, [grid(WAIT_MAX_S, 60, 8)])).toBeNull();
  });
});
