// What was said and is not with the server yet. A message keeps its `client_id` from the first try to the last, and the server makes one
// message of all of them: sending again is always safe. Within a room one goes at a time, in the order in which they were said.

export type Wait = "waiting" | "sending" | "failed";

export interface Unsent {
  room: string;
  client_id: string;
  content: string;
  reply_to: number | null;
  /** What is shown of the message that is answered. */
  quoted: { sender: string | null; content: string } | null;
  /** An upload of one's own, and what is shown of it. */
  file: { id: string; name: string; kind: string; bytes: number } | null;
  at_ms: number;
  state: Wait;
  tries: number;
  /** Why it failed, for people. */
  why: string;
}

/** Unsent messages, all rooms together. */
export const MOST = 200;

/** What became of a try. */
export type Outcome = { kind: "sent" } | { kind: "later" } | { kind: "refused"; why: string };

export function said(queue: Unsent[], one: Omit<Unsent, "state" | "tries" | "why">): Unsent[] {
  if (queue.length >= MOST || queue.some((other) => other.client_id === one.client_id)) return queue;
  // What is said in one moment keeps its order, since it is read again by its time.
  const at_ms = Math.max(one.at_ms, (queue.at(-1)?.at_ms ?? 0) + 1);
  return [...queue, { ...one, at_ms, state: "waiting", tries: 0, why: "" }];
}

/** What may go now: the first of each room that is neither on its way nor refused. A refused one holds up nobody. */
export function next(queue: Unsent[]): Unsent[] {
  const rooms = new Set<string>();
  const ready: Unsent[] = [];
  for (const one of queue) {
    if (one.state === "failed" || rooms.has(one.room)) continue;
    rooms.add(one.room);
    if (one.state === "waiting") ready.push(one);
  }
  return ready;
}

function having(queue: Unsent[], id: string, change: (one: Unsent) => Unsent): Unsent[] {
  return queue.map((one) => (one.client_id === id ? change(one) : one));
}

export function begun(queue: Unsent[], id: string): Unsent[] {
  return having(queue, id, (one) => ({ ...one, state: "sending", tries: one.tries + 1 }));
}

export function ended(queue: Unsent[], id: string, outcome: Outcome): Unsent[] {
  if (outcome.kind === "sent") return without(queue, id);
  if (outcome.kind === "later") return having(queue, id, (one) => ({ ...one, state: "waiting" }));
  return having(queue, id, (one) => ({ ...one, state: "failed", why: outcome.why }));
}

/** It came by another way: the log told of it. */
export function without(queue: Unsent[], id: string): Unsent[] {
  return queue.some((one) => one.client_id === id) ? queue.filter((one) => one.client_id !== id) : queue;
}

/** A refused one is tried again, where it stands. */
export function again(queue: Unsent[], id: string): Unsent[] {
  return having(queue, id, (one) => (one.state === "failed" ? { ...one, state: "waiting", why: "" } : one));
}

/** The words of a refused one, taken back before what is half written by then. */
export function takenBack(refused: string, written: string): string {
  return [refused, written].filter((words) => words.trim() !== "").join("\n");
}

/** What is stored, each under its own name, in the order in which it was said. What cannot be read is nobody's message. */
export function stored(texts: string[]): Unsent[] {
  const all = new Map<string, Unsent>();
  for (const text of texts) {
    const one = parsed(text);
    if (one && !all.has(one.client_id)) all.set(one.client_id, one);
  }
  return [...all.values()].sort((a, b) => a.at_ms - b.at_ms || (a.client_id < b.client_id ? -1 : 1));
}

function parsed(text: string): Unsent | null {
  try {
    const read: unknown = JSON.parse(text);
    return isUnsent(read) ? read : null;
  } catch {
    return null;
  }
}

/** Of a page that was closed while it sent nobody knows: what is on its way, and not by this page, is sent again, under its name. */
export function revived(queue: Unsent[], going: ReadonlySet<string> = new Set()): Unsent[] {
  return queue.map((one) => (one.state === "sending" && !going.has(one.client_id) ? { ...one, state: "waiting" } : one));
}

function isUnsent(one: unknown): one is Unsent {
  if (typeof one !== "object" || one === null) return false;
  const it = one as Record<string, unknown>;
  const words = ["room", "client_id", "content", "why"].every((field) => typeof it[field] === "string");
  return words && ["waiting", "sending", "failed"].includes(String(it.state)) && typeof it.at_ms === "number" && typeof it.tries === "number";
}

/** How long to wait after so many tries, milliseconds; `chance` is between 0 and 1. */
export function pause(tries: number, chance: number): number {
  return Math.min(30_000, 500 * 2 ** Math.min(tries, 6)) * (0.75 + 0.5 * chance);
}

/** What an answer of the server means to a message: is it refused for good, or may it come again? */
export function outcomeOf(status: number, detail: string): Outcome {
  // No answer, a server that is away, too much at once, or a session that is to be renewed: the message is as good as before.
  // 423 is a chat that is being worked on.
  if ([0, 401, 408, 423, 429].includes(status) || status >= 500) return { kind: "later" };
  return { kind: "refused", why: detail };
}
