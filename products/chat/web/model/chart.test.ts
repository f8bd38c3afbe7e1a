import { expect, it } from "vitest";
import { bars, drawn, summary, top } from "./chart";

const at = (ms: number): string => `${ms}`;

it("stands in its stretch, and outside it nowhere", () => {
  const points = [{ at_ms: 59, count: 9 }, { at_ms: 60, count: 1 }, { at_ms: 119, count: 2 }, { at_ms: 120, count: 4 }, { at_ms: 400, count: 9 }];
  expect(bars(points, [60, 245, 60], "sum", 0)).toEqual([{ at_ms: 60, count: 3 }, { at_ms: 120, count: 4 }, { at_ms: 180, count: 0 }, { at_ms: 240, count: 0 }]);
  expect(bars(points, [60, 179, 60], "most", null).map((bar) => bar.count)).toEqual([2, 4]);
});

it("tells what is not known from nothing", () => {
  expect(bars([{ at_ms: 60, count: 0 }], [0, 120, 60], "most", null).map((bar) => bar.count)).toEqual([null, 0, null]);
});

it("has a scale that people read, whatever is in it", () => {
  for (const [most, end] of [[0, 1], [1, 1], [2, 2], [3, 5], [6, 10], [11, 20], [51, 100], [1000, 1000], [1001, 2000]] as const) {
    expect(top([{ at_ms: 0, count: most }])).toBe(end);
  }
});

it("is never higher than its ground, nor hidden beside a high one", () => {
  const all = [0, 1, 10_000].map((count, at) => ({ at_ms: at, count }));
  const [none, one, many] = drawn(all, 300, 100);
  expect(none).toBeNull();
  expect(one?.height).toBe(2);
  expect(many).toMatchObject({ y: 0, height: 100 });
  expect(drawn([], 300, 100)).toEqual([]);
});

it("says in words what it shows", () => {
  const all = bars([{ at_ms: 60, count: 3 }, { at_ms: 120, count: 4 }], [60, 120, 60], "sum", 0);
  expect(summary(all, "Messages", "sum", at)).toBe("Messages: 7 in all, at most 4, at 120.");
  expect(summary(all, "Online", "most", at)).toBe("Online: at most 4, at 120.");
  expect(summary([{ at_ms: 0, count: null }], "Online", "most", at)).toBe("Online: none.");
});
