// A room's messages, from pages that are read and entries of the log that are told. Both may come in any order, twice, or late:
// every message knows as of which number of the log it is known, and an entry that it has in it already changes nothing.

import type { Entry, Member, Message, Page, Reaction } from "../contract";

export interface Known extends Message {
  reactions: Reaction[];
  /** The number of the log as of which this is how the message is. */
  asOf: number;
}

/** A stretch of a room without holes. */
export interface Timeline {
  /** By number, the oldest first. */
  messages: Known[];
  /** Up to here the log is in it; 0 before anything was read. */
  top: number;
  moreBefore: boolean;
  /** There are newer ones that are not in it: somebody jumped back. */
  moreAfter: boolean;
  members: Member[];
  /** Receipts of people who are not among the members yet: who they are is being read. */
  early: Moved[];
}

/** Up to where somebody has got and read. */
export interface Moved {
  person: string;
  read: number;
  delivered: number;
}

/** As many receipts are kept for people whom nobody here knows. */
const EARLY = 200;

/** Messages that are kept on the page at a time. */
export const WINDOW = 240;

export const EMPTY: Timeline = { messages: [], top: 0, moreBefore: true, moreAfter: false, members: [], early: [] };

function known(message: Message, asOf: number): Known {
  return { ...message, reactions: message.reactions ?? [], asOf };
}

/** The newer knowledge of each message, by number. */
function merged(old: Known[], items: Known[]): Known[] {
  const all = new Map(old.map((message) => [message.seq, message]));
  for (const item of items) {
    const before = all.get(item.seq);
    if (!before || before.asOf <= item.asOf) all.set(item.seq, item);
  }
  return [...all.values()].sort((a, b) => a.seq - b.seq);
}

/** The newest messages of the room, read whole. Where they do not reach down to what is there, that is dropped: no hole is shown. */
export function withNewest(timeline: Timeline, page: Page): Timeline {
  const items = page.items.map((item) => known(item, page.top));
  const newest = timeline.messages.at(-1)?.seq ?? 0;
  const oldest = items[0]?.seq ?? Infinity;
  const joins = !timeline.moreAfter && timeline.messages.length > 0 && (oldest <= newest || !page.more);
  // What page has no message for between its first and last is gone from the room.
  const kept = joins ? timeline.messages.filter((message) => message.seq < oldest || message.asOf > page.top) : [];
  const messages = merged(kept, items).slice(-WINDOW);
  const moreBefore = joins && (kept[0]?.seq ?? Infinity) < oldest ? timeline.moreBefore : page.more;
  const cut = messages.length < merged(kept, items).length;
  return { ...timeline, messages, top: Math.max(timeline.top, page.top), moreBefore: moreBefore || cut, moreAfter: false };
}

/** The newest messages after something was lost on the way: what this reading does not know may be stale, and goes. */
export function reread(timeline: Timeline, page: Page): Timeline {
  return withNewest({ ...timeline, messages: timeline.messages.filter((message) => message.asOf > page.top) }, page);
}

/** Older messages, asked for before the first one that is there. */
export function withOlder(timeline: Timeline, page: Page): Timeline {
  const all = merged(timeline.messages, page.items.map((item) => known(item, page.top)));
  const messages = all.slice(0, WINDOW);
  return { ...timeline, messages, moreBefore: page.more, moreAfter: timeline.moreAfter || messages.length < all.length };
}

/** Newer messages, asked for after the last one that is there. */
export function withNewer(timeline: Timeline, page: Page): Timeline {
  const all = merged(timeline.messages, page.items.map((item) => known(item, page.top)));
  const messages = all.slice(-WINDOW);
  // What the log told meanwhile is beyond this page: there is more as long as it is.
  const moreAfter = page.more || page.top < timeline.top;
  return { ...timeline, messages, moreAfter, moreBefore: timeline.moreBefore || messages.length < all.length, top: Math.max(timeline.top, page.top) };
}

/** A stretch around a message, in place of what is there. */
export function around(timeline: Timeline, before: Page, after: Page): Timeline {
  const items = [...before.items.map((item) => known(item, before.top)), ...after.items.map((item) => known(item, after.top))];
  const top = Math.max(timeline.top, before.top, after.top);
  return { ...timeline, messages: merged([], items), top, moreBefore: before.more, moreAfter: after.more || after.top < top };
}

/** Whether entries before this one were lost on the way: then the room is read again. */
export function misses(timeline: Timeline, entry: Entry): boolean {
  return timeline.top > 0 && entry.seq > timeline.top + 1;
}

/** What happened, as `me` sees it. Told twice it changes nothing. */
export function withEntry(timeline: Timeline, entry: Entry, me: string): Timeline {
  if (entry.seq <= timeline.top) return withLate(timeline, entry, me);
  return { ...withLate(timeline, entry, me), top: entry.seq };
}

function withLate(timeline: Timeline, entry: Entry, me: string): Timeline {
  const members = membersAfter(timeline.members, entry);
  const messages = messagesAfter(timeline, entry, me);
  return members === timeline.members && messages === timeline.messages ? timeline : bounded({ ...timeline, members, messages });
}

function messagesAfter(timeline: Timeline, entry: Entry, me: string): Known[] {
  const { messages } = timeline;
  if (entry.type === "message.sent") {
    const body = entry.body;
    // One that is told late and is not there stands before what was read, or is gone.
    if (!body || timeline.moreAfter || entry.seq <= timeline.top) return messages;
    return merged(messages, [known(body, entry.seq)]);
  }
  const about = entry.message;
  if (about === undefined) return messages;
  let changed = messages;
  const at = messages.findIndex((message) => message.seq === about);
  const old = messages[at];
  if (old && old.asOf < entry.seq) changed = messages.with(at, { ...after(old, entry, me), asOf: entry.seq });
  return entry.type === "message.deleted" || entry.type === "message.edited" ? requoted(changed, entry) : changed;
}

function after(old: Known, entry: Entry, me: string): Known {
  if (entry.type === "message.deleted") return { ...old, deleted: true, content: "", file: null, previews: [], reactions: [], mentions: [] };
  if (entry.type === "message.edited" || entry.type === "message.previewed") {
    return entry.body ? { ...old, ...entry.body, reactions: old.reactions } : old;
  }
  if (entry.type === "reaction.changed" && entry.emoji !== undefined) {
    return { ...old, reactions: reacted(old.reactions, entry.emoji, entry.on === true, entry.by === me) };
  }
  return old;
}

/** What answers a message shows its beginning: it follows what becomes of it. */
function requoted(messages: Known[], entry: Entry): Known[] {
  const stale = (message: Known): boolean => message.reply?.seq === entry.message && message.asOf < entry.seq;
  if (!messages.some(stale)) return messages;
  return messages.map((message) => {
    if (!stale(message) || !message.reply) return message;
    if (entry.type === "message.deleted") return { ...message, reply: { seq: message.reply.seq, sender: null, content: "", deleted: true } };
    return entry.body ? { ...message, reply: { ...message.reply, content: shortened(entry.body.content) } } : message;
  });
}

const SHORT = 120;

/** As much of a message as an answer to it shows. */
export function shortened(content: string): string {
  const letters = [...content];
  return letters.length > SHORT ? `${letters.slice(0, SHORT).join("")}…` : content;
}

/** One's own emoji is there or is not, however often that is said; those of others are counted. */
export function reacted(reactions: Reaction[], emoji: string, on: boolean, mine: boolean): Reaction[] {
  const at = reactions.findIndex((one) => one.emoji === emoji);
  const old = reactions[at] ?? { emoji, count: 0, mine: false };
  if (mine && old.mine === on) return reactions;
  const next = { emoji, count: Math.max(0, old.count + (on ? 1 : -1)), mine: mine ? on : old.mine };
  if (next.count === 0) return reactions.filter((one) => one.emoji !== emoji);
  return at < 0 ? [...reactions, next] : reactions.with(at, next);
}

function membersAfter(members: Member[], entry: Entry): Member[] {
  if (entry.type === "member.left") return members.filter((one) => one.person !== entry.person);
  if (entry.type === "member.role" && entry.role) {
    const role = entry.role;
    return changed(members, entry.person ?? "", (old) => ({ ...old, role }));
  }
  return members;
}

function changed(members: Member[], person: string, change: (old: Member) => Member): Member[] {
  return members.some((one) => one.person === person) ? members.map((one) => (one.person === person ? change(one) : one)) : members;
}

/** Receipts only go forward, in whatever order they come. Those of people who are not known yet wait for them. */
export function withReceipts(timeline: Timeline, moved: Moved[]): Timeline {
  const known = new Set(timeline.members.map((one) => one.person));
  const members = moved.reduce((all, one) => changed(all, one.person, (old) => further(old, one)), timeline.members);
  const early = [...timeline.early, ...moved.filter((one) => !known.has(one.person))].slice(-EARLY);
  return { ...timeline, members, early };
}

function further(member: Member, by: Moved): Member {
  return { ...member, read: Math.max(member.read, by.read), delivered: Math.max(member.delivered, by.delivered) };
}

/** The members as they were read; receipts only go forward. */
export function withMembers(timeline: Timeline, members: Member[]): Timeline {
  const before = new Map(timeline.members.map((one) => [one.person, one]));
  const all = members.map((one) => further(one, before.get(one.person) ?? one));
  return withReceipts({ ...timeline, members: all, early: [] }, timeline.early);
}

/** A message of one's own that the server answered with, before the log tells of it. */
export function withSent(timeline: Timeline, message: Message): Timeline {
  const first = timeline.messages[0]?.seq ?? 0;
  // One from before what was read comes with the page that it stands in.
  if (timeline.moreAfter || (timeline.moreBefore && message.seq < first)) return timeline;
  if (timeline.messages.some((one) => one.seq === message.seq)) return timeline;
  return bounded({ ...timeline, messages: merged(timeline.messages, [known(message, message.seq)]) });
}

/** What falls out of the window at its beginning is still in the room. */
function bounded(timeline: Timeline): Timeline {
  const messages = timeline.messages.slice(-WINDOW);
  return messages.length === timeline.messages.length ? timeline : { ...timeline, messages, moreBefore: true };
}

/** Messages that are on the page already, read again: no other is added. */
export function refreshed(timeline: Timeline, page: Page): Timeline {
  const items = new Map(page.items.map((item) => [item.seq, known(item, page.top)]));
  const newer = (old: Known): Known => {
    const item = items.get(old.seq);
    return item && item.asOf >= old.asOf ? item : old;
  };
  return { ...timeline, messages: timeline.messages.map(newer) };
}

/** Changes a message on the page ahead of the log. */
export function withChanged(timeline: Timeline, seq: number, change: (old: Known) => Known): Timeline {
  return { ...timeline, messages: timeline.messages.map((one) => (one.seq === seq ? change(one) : one)) };
}

export type Receipt = "sent" | "delivered" | "read";

interface Said {
  seq: number;
  sender: string;
  at_ms: number;
}

/** To whom a message was said: everybody else who is in the room, and was when it came. */
export function hearers(members: Member[], said: Said): Member[] {
  return members.filter((one) => one.person !== said.sender && one.joined_at_ms <= said.at_ms);
}

/** How far a message has come: with all of its hearers. Nobody waits for one who comes never again, unless there is no other. */
export function receiptOf(members: Member[], said: Said): Receipt {
  const all = hearers(members, said);
  const present = all.filter((one) => !one.gone);
  const asked = present.length > 0 ? present : all;
  if (asked.length === 0) return "sent";
  if (asked.every((one) => one.read >= said.seq)) return "read";
  return asked.every((one) => one.delivered >= said.seq) ? "delivered" : "sent";
}

/** Who has read a message, who has got it, who may get it yet. */
export function reachedOf(members: Member[], said: Said): Record<"read" | "delivered" | "missing", Member[]> {
  const all = hearers(members, said);
  return {
    read: all.filter((one) => one.read >= said.seq),
    delivered: all.filter((one) => one.read < said.seq && one.delivered >= said.seq),
    missing: all.filter((one) => one.delivered < said.seq && !one.gone),
  };
}
