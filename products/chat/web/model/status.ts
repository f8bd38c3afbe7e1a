// Whether somebody can be met, in words.

import type { Status, Whereabouts } from "../contract";
import { dayWords, timeOf } from "./rows";

/** Who has a socket around a room is there at once; the server's word comes a little later and knows who does nothing there. */
export function statusOf(told: Whereabouts | undefined, present: boolean): Status {
  if (!present) return told?.status ?? "offline";
  return told?.status === "away" ? "away" : "online";
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

function many(count: number, one: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${one}s`;
}

/** "just now", "5 minutes ago", "3 hours ago", "yesterday at 14:05", "Monday at 14:05", "on Monday, 3 March". */
function ago(atMs: number, nowMs: number): string {
  // Clocks of two machines differ a little.
  const apart = Math.max(0, nowMs - atMs);
  if (apart < MINUTE_MS) return "just now";
  if (apart < HOUR_MS) return `${many(Math.floor(apart / MINUTE_MS), "minute")} ago`;
  const day = dayWords(atMs, nowMs);
  if (day === "Today") return `${many(Math.floor(apart / HOUR_MS), "hour")} ago`;
  if (day === "Yesterday") return `yesterday at ${timeOf(atMs)}`;
  return day.includes(" ") ? `on ${day}` : `${day} at ${timeOf(atMs)}`;
}

/** "Online", "Away", "Last seen 5 minutes ago"; "Offline" where that is not shown. */
export function statusWords(status: Status, lastSeenAtMs: number | null, nowMs: number): string {
  if (status !== "offline") return status === "online" ? "Online" : "Away";
  return lastSeenAtMs === null ? "Offline" : `Last seen ${ago(lastSeenAtMs, nowMs)}`;
}
