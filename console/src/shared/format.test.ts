import { describe, expect, it } from "vitest";
import { absolute, bytes, clock, compact, count, duration, percent, plural, rate, relative, utc } from "./format.ts";

const NOW = Date.UTC(2026, 10, 21, 3, 33, 12, 345);

describe("relative", () => {
  it.each([
    [0, "now"],
    [1_999, "now"],
    [-1_500, "now"],
    [2_000, "2 s ago"],
    [59_999, "59 s ago"],
    [60_000, "1 min ago"],
    [3_599_999, "59 min ago"],
    [3_600_000, "1 h ago"],
    [47 * 3_600_000, "47 h ago"],
    [48 * 3_600_000, "2 d ago"],
    [-95_000, "in 1 min"],
    [-3 * 86_400_000, "in 3 d"],
  ])("%i ms before now is %s", (apart, words) => {
    expect(relative(NOW - apart, NOW)).toBe(words);
  });
});

describe("absolute times", () => {
  it("shows the reader's own zone in an order that sorts", () => {
    const local = new Date(2026, 0, 5, 7, 8, 9).getTime();
    expect(absolute(local)).toBe("2026-01-05 07:08:09");
    expect(clock(local)).toBe("07:08:09");
  });

  it("shows UTC to the millisecond for comparing with a log", () => {
    expect(utc(NOW)).toBe("2026-11-21T03:33:12.345Z");
  });
});

describe("duration", () => {
  it.each([
    [0, "0 µs"],
    [0.42, "420 µs"],
    [1, "1.0 ms"],
    [9.96, "10 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [59_949, "59.9 s"],
    [59_960, "1 min"],
    [125_000, "2 min 5 s"],
    [3 * 3_600_000 + 4 * 60_000, "3 h 4 min"],
    [2 * 86_400_000 + 3 * 3_600_000, "2 d 3 h"],
    [-1, "–"],
    [Number.NaN, "–"],
  ])("%d ms is %s", (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [812, "812 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1024 * 1023.9, "1 MiB"],
    [23 * 1024 * 1024, "23 MiB"],
    [150 * 1024 * 1024, "150 MiB"],
    [-1, "–"],
  ])("%d is %s", (n, words) => {
    expect(bytes(n)).toBe(words);
  });
});

describe("numbers", () => {
  it("groups digits", () => expect(count(1_234_567)).toBe("1,234,567"));
  it("shortens where there is no room", () => {
    expect([9_999, 10_000, 12_345, 999_949, 999_951, 4_500_000].map(compact)).toEqual(["9,999", "10 k", "12.3 k", "999.9 k", "1 M", "4.5 M"]);
  });
  it("never shows a small rate as none", () => {
    expect([0, 0.01, 0.4, 12.5, 99.96, 1204].map(rate)).toEqual(["0", "<0.1", "0.4", "12.5", "100", "1,204"]);
  });
  it("shows shares", () => expect([0, 0.004, 0.12, 1].map(percent)).toEqual(["0 %", "0.4 %", "12 %", "100 %"]));
  it("counts things", () => {
    expect(plural(1, "delivery", "deliveries")).toBe("1 delivery");
    expect(plural(1200, "delivery", "deliveries")).toBe("1,200 deliveries");
    expect(plural(0, "job")).toBe("0 jobs");
  });
});
