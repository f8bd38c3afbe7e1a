// Counts over time as bars: what is missing is told from what is nothing.

export interface Point {
  at_ms: number;
  count: number;
}

/** A stretch of time; null where nothing is known of it. */
export interface Bar {
  at_ms: number;
  count: number | null;
}

export interface Drawn {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One bar each `step`, from `since` up to `until`: the sum of its points, or the most of them. Without any it is `none`. */
export function bars(points: Point[], [since, until, step]: [number, number, number], how: "sum" | "most", none: 0 | null): Bar[] {
  const first = Math.floor(since / step) * step;
  const many = Math.max(0, Math.floor((until - first) / step) + 1);
  const all: Bar[] = Array.from({ length: many }, (_, at) => ({ at_ms: first + at * step, count: none }));
  for (const point of points) {
    const bar = all[Math.floor((point.at_ms - first) / step)];
    if (!bar) continue;
    bar.count = how === "sum" ? (bar.count ?? 0) + point.count : Math.max(bar.count ?? 0, point.count);
  }
  return all;
}

/** The scale's upper end: 1, 2 or 5 with zeros, and not below what there is. */
export function top(all: Bar[]): number {
  const most = Math.max(1, ...all.map((bar) => bar.count ?? 0));
  const ten = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((part) => part * ten).find((end) => end >= most) ?? most;
}

/** Where each bar stands; one of something is seen, however high the others are. */
export function drawn(all: Bar[], width: number, height: number): (Drawn | null)[] {
  const [step, end] = [width / Math.max(1, all.length), top(all)];
  return all.map(({ count }, at) => {
    if (count === null || count <= 0) return null;
    const tall = Math.max(2, (count / end) * height);
    return { x: at * step + step * 0.12, y: height - tall, width: step * 0.76, height: tall };
  });
}

/** What a chart says to who does not see it. */
export function summary(all: Bar[], what: string, how: "sum" | "most", at: (ms: number) => string): string {
  const known = all.filter((bar): bar is Point => bar.count !== null);
  const best = known.reduce<Point | null>((most, bar) => (bar.count > (most?.count ?? 0) ? bar : most), null);
  if (!best) return `${what}: none.`;
  const sum = known.reduce((all, bar) => all + bar.count, 0);
  return how === "sum" ? `${what}: ${sum} in all, at most ${best.count}, at ${at(best.at_ms)}.` : `${what}: at most ${best.count}, at ${at(best.at_ms)}.`;
}
