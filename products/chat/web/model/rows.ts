// How messages stand under each other: days apart, one sender's in a group, a line above what is new.

import type { Known } from "./timeline";

export type Row =
  | { kind: "day"; key: string; at_ms: number }
  | { kind: "new"; key: string }
  | { kind: "message"; key: string; message: Known; first: boolean; last: boolean };

/** Messages of one sender with less between them stand together, milliseconds. */
const TOGETHER_MS = 5 * 60_000;

/** The reader's own day of a time. */
export function dayOf(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`;
}

function together(a: Known | undefined, b: Known | undefined): boolean {
  return !!a && !!b && a.sender === b.sender && b.at_ms - a.at_ms < TOGETHER_MS && dayOf(a.at_ms) === dayOf(b.at_ms);
}

/** `newAfter` is what was read when the room was opened: the line stands before the first of others after it. */
export function rowsOf(messages: Known[], newAfter: number | null, me: string): Row[] {
  const rows: Row[] = [];
  let lined = newAfter === null;
  let broken = false;
  messages.forEach((message, at) => {
    const before = messages[at - 1];
    if (!before || dayOf(before.at_ms) !== dayOf(message.at_ms)) rows.push({ kind: "day", key: `day ${message.seq}`, at_ms: message.at_ms });
    broken = false;
    if (!lined && message.seq > (newAfter ?? 0) && message.sender !== me) {
      lined = true;
      broken = true;
      rows.push({ kind: "new", key: "new" });
    }
    const first = broken || !together(before, message);
    rows.push({ kind: "message", key: String(message.seq), message, first, last: !together(message, messages[at + 1]) });
  });
  return rows;
}

const DAY_MS = 86_400_000;

/** "Today", "Yesterday", "Monday", "Monday, 3 March", with the year where it is another. */
export function dayWords(atMs: number, nowMs: number): string {
  const noon = (ms: number): number => new Date(ms).setHours(12, 0, 0, 0);
  const apart = Math.round((noon(nowMs) - noon(atMs)) / DAY_MS);
  if (apart === 0) return "Today";
  if (apart === 1) return "Yesterday";
  if (apart > 1 && apart < 7) return new Intl.DateTimeFormat("en-GB", { weekday: "long" }).format(atMs);
  const same = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", ...(same ? {} : { year: "numeric" }) }).format(atMs);
}

/** "14:05". */
export function timeOf(atMs: number): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(atMs);
}

/** In a narrow list: "14:05", "Mon", "3 Mar", "3 Mar 2025". */
export function shortWhen(atMs: number, nowMs: number): string {
  const words = dayWords(atMs, nowMs);
  if (words === "Today") return timeOf(atMs);
  if (words === "Yesterday") return words;
  if (!words.includes(" ")) return words.slice(0, 3);
  const same = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...(same ? {} : { year: "numeric" }) }).format(atMs);
}
