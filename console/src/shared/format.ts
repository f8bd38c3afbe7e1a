// Words for numbers. Everything here is pure: the present is passed in, so that a list can be rendered twice alike.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** "now", "12 s ago", "3 min ago", "5 h ago", "2 d ago", "in 40 s". Both in Unix milliseconds. */
export function relative(atMs: number, nowMs: number): string {
  const apart = Math.abs(nowMs - atMs);
  // Clocks of two machines differ a little; "in 1 s" for something that has happened would be nonsense.
  if (apart < 2 * SECOND) return "now";
  const words = coarse(apart);
  return atMs > nowMs ? `in ${words}` : `${words} ago`;
}

function coarse(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

/** "2026-11-21 03:33:12" in the reader's own time zone: sorts as it reads. */
export function absolute(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(atMs)}`;
}

/** "03:33:12" in the reader's own time zone. */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** "2026-11-21T03:33:12.345Z", for machines and for comparing with a log. */
export function utc(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** A length of time: "640 µs", "1.2 ms", "3.4 s", "2 min 5 s", "3 h 4 min", "2 d 3 h". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "–";
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / SECOND).toFixed(1)} s`;
  const s = Math.round(ms / SECOND);
  if (s < 3600) return pair(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86_400) return pair(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return pair(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** "0 B", "812 B", "1.5 KiB", "23 MiB". */
export function bytes(n: number): string {
  if (!Number.isFinite(n) || n < 0) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const shown = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
  return `${shown} ${units[unit]}`;
}

/** "1,234,567". */
export function count(n: number): string {
  return Number.isFinite(n) ? grouped.format(n) : "–";
}

/** "842", "12.3 k", "4.5 M": for a place too narrow for all digits. */
export function compact(n: number): string {
  if (!Number.isFinite(n)) return "–";
  if (Math.abs(n) < 9_999.5) return grouped.format(n);
  if (Math.abs(n) < 999_950) return `${(n / 1000).toFixed(1).replace(/\.0$/, "")} k`;
  return `${(n / 1_000_000).toFixed(1).replace(/\.0$/, "")} M`;
}

/** Something a second: "0", "0.4", "12.5", "1,204". The caller writes the "/s". */
export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return "–";
  if (perSecond === 0) return "0";
  if (perSecond < 0.05) return "<0.1";
  return perSecond < 99.95 ? perSecond.toFixed(1).replace(/\.0$/, "") : grouped.format(perSecond);
}

/** A share between 0 and 1: "12 %", "0.4 %". */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const points = share * 100;
  return `${points > 0 && points < 9.95 ? points.toFixed(1).replace(/\.0$/, "") : points.toFixed(0)} %`;
}

/** "1 delivery", "3 deliveries". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
