// A line through a few numbers, as an SVG path.

export interface Spark {
  line: string;
  area: string;
}

/** Fits `values` into `width` × `height`, the newest at the right edge. `slots` is how many values fill the width. */
export function spark(values: number[], slots: number, width: number, height: number): Spark {
  const shown = values.slice(-slots).filter((value) => Number.isFinite(value));
  if (shown.length < 2) return { line: "", area: "" };
  // Nothing but zeros is a line on the ground, not a division by zero.
  const top = Math.max(1e-9, ...shown);
  const step = width / (slots - 1);
  const points = shown.map((value, i) => {
    const x = width - (shown.length - 1 - i) * step;
    const y = height - 1 - (value / top) * (height - 3);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = `M${points.join("L")}`;
  const left = (width - (shown.length - 1) * step).toFixed(1);
  return { line, area: `${line}L${width} ${height}L${left} ${height}Z` };
}
