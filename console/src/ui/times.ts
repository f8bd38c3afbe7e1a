// Times as a field for date and time holds them: the reader's own clock, without a zone.

const two = (n: number): string => String(n).padStart(2, "0");

/** "2026-11-21T09:30" for a field; seconds only where there are some. */
export function toField(ms: number): string {
  const at = new Date(ms);
  const seconds = at.getSeconds() === 0 ? "" : `:${two(at.getSeconds())}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}${seconds}`;
}

/** The field's text for so long before now, at a whole minute. */
export function agoField(agoMs: number, nowMs: number): string {
  return toField(Math.floor((nowMs - agoMs) / 60_000) * 60_000);
}

/** Unix milliseconds; null while nothing whole is in the field. */
export function fromField(text: string): number | null {
  const ms = /^\d{4,}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text).getTime() : NaN;
  return Number.isFinite(ms) ? ms : null;
}

/** What an address says, RFC 3339 or Unix milliseconds. */
export function fromAddress(text: string | null): number | null {
  if (!text) return null;
  const ms = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}
