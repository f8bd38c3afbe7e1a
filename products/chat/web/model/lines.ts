// The list of rooms: what a notice does to it, in which order it stands, and how much is unread. A notice says what is, and may come twice.

import type { Line, Notice } from "../contract";

export type Sieve = "all" | "unread" | "archived";

const FILES: Record<string, string> = { image: "Picture", video: "Video", audio: "Voice note", file: "File" };

/** What stands for a file where there are no words; nothing for none. */
export function fileWords(kind: string | null | undefined): string {
  return kind ? (FILES[kind] ?? "File") : "";
}

/** The last spoken in first; of the same time, by id, so that the order is one. */
export function sorted(lines: Line[]): Line[] {
  return [...lines].sort((a, b) => b.last_at_ms - a.last_at_ms || (a.room < b.room ? -1 : 1));
}

export function shown(lines: Line[], sieve: Sieve): Line[] {
  if (sieve === "archived") return lines.filter((line) => line.archived);
  const present = lines.filter((line) => !line.archived);
  return sieve === "unread" ? present.filter((line) => line.unread > 0) : present;
}

/** The list, or one line of it: newer than what is there. */
export function withLines(lines: Line[], read: Line[]): Line[] {
  const once = new Map([...lines, ...read].map((line) => [line.room, line]));
  return sorted([...once.values()]);
}

export function without(lines: Line[], room: string): Line[] {
  return lines.filter((line) => line.room !== room);
}

export function muted(line: Line, nowMs: number): boolean {
  return line.muted_until_ms > nowMs;
}

/** What a notice means to the list, and the room whose line is to be read for it: one that is new, or is called otherwise now. */
export function noticed(lines: Line[], notice: Notice, me: string): { lines: Line[]; reread: string | null } {
  const line = lines.find((one) => one.room === notice.room);
  if (notice.type === "left") return { lines: without(lines, notice.room), reread: null };
  if (notice.type === "room" || !line) return { lines, reread: notice.room };
  const put = (changed: Partial<Line>) => ({ lines: sorted(lines.map((one) => (one === line ? { ...one, ...changed } : one))), reread: null });
  const same = { lines, reread: null };
  if (notice.type === "hidden") return withHiding(lines, line, notice);
  const last = notice.last_message;
  const shown = line.last_message?.seq ?? 0;
  // Told before what is here was read, or counted.
  if (last && last.seq < shown) return same;
  const spoken = last ? { last_message: last, last_at_ms: Math.max(line.last_at_ms, last.at_ms), top: Math.max(line.top, last.seq) } : {};
  if (notice.type === "last") return put(spoken);
  if (notice.type === "unread") {
    // A receipt of this person's that is older than what is known here.
    if (notice.read < line.read) return same;
    return put({ ...spoken, read: notice.read, unread: notice.unread, mentions: notice.mentions });
  }
  if (notice.seq === shown) return same;
  const theirs = notice.by !== me && notice.seq > line.read && !notice.last_message.deleted;
  return put({ ...spoken, unread: line.unread + (theirs ? 1 : 0), mentions: line.mentions + (theirs && notice.mentions_you ? 1 : 0) });
}

/** A message was hidden, or is shown again: the line's last message is the last that is shown, which may be an older one. */
function withHiding(lines: Line[], line: Line, notice: Notice & { type: "hidden" }): { lines: Line[]; reread: string | null } {
  const { on, seq, read, unread, mentions, last_message } = notice;
  const shown = line.last_message?.seq ?? 0;
  // Told before what is here was read: what it counted is not so any more.
  if ((last_message?.seq ?? 0) < shown && !(on && seq === shown)) return { lines, reread: line.room };
  const counted = read < line.read ? {} : { read, unread, mentions };
  return { lines: lines.map((one) => (one === line ? { ...one, ...counted, last_message } : one)), reread: null };
}

/** Everything up to here was read, ahead of the server's word. */
export function readUpTo(lines: Line[], room: string, seq: number): Line[] {
  return lines.map((line) => (line.room === room && seq >= (line.last_message?.seq ?? 0) ? { ...line, read: Math.max(line.read, seq), unread: 0, mentions: 0 } : line));
}

/** Rooms with something unread that are not muted: what the title of the page counts. */
export function calling(lines: Line[], nowMs: number): number {
  return lines.filter((line) => !line.archived && line.unread > 0 && (!muted(line, nowMs) || line.mentions > 0)).length;
}

/** The rooms around which a page listens, where it cannot listen around all: the open one, then those that were spoken in last. */
export function nearest(lines: Line[], open: string | null, most: number): string[] {
  const rooms = lines.map((line) => line.room);
  return rooms.includes(open ?? "") ? [...new Set([open ?? "", ...rooms])].slice(0, most) : rooms.slice(0, most);
}

/** "7", "999+". */
export function countOf(unread: number): string {
  return unread > 999 ? "999+" : String(unread);
}
