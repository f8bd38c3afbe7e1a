import { expect, it } from "vitest";
import type { Entry, Message, Page } from "../contract";
import { NOTHING, visible, withHidden } from "./hidden";
import { EMPTY, reread, withEntry, withNewest } from "./timeline";

const message = (seq: number, over: Partial<Message> = {}): Message => ({
  room: "r", seq, sender: "usr_eve", client_id: `c${seq}`, content: `text ${seq}`, at_ms: seq * 1000, edited_at_ms: null, deleted: false,
  mentions: [], reply: null, reactions: [], ...over,
});
const page = (items: Message[], top: number): Page => ({ items, more: false, people: [], top });
const sent = (seq: number, over: Partial<Message> = {}): Entry => ({ type: "message.sent", seq, at_ms: 0, by: "usr_eve", message: seq, body: message(seq, over) });
const quoting = (seq: number) => ({ reply: { seq, sender: "usr_eve", content: `text ${seq}`, deleted: false } });

it("what is hidden is not shown, however it came", () => {
  let timeline = withNewest(EMPTY, page([message(1), message(2)], 2));
  const hidden = withHidden(withHidden(NOTHING, 2, true), 4, true);
  // The room's channel tells it to everybody: one that was hidden on another device comes anew with what was missed.
  for (const entry of [sent(3), sent(4), { type: "message.edited", seq: 5, at_ms: 0, by: "usr_eve", message: 2, body: message(2, { content: "new" }) }]) {
    timeline = withEntry(timeline, entry, "usr_me");
  }
  expect(visible(timeline.messages, hidden).map((one) => one.seq)).toEqual([1, 3]);
  // The log itself has no hole: nothing is asked for again.
  expect(timeline.top).toBe(5);
  expect(timeline.messages.map((one) => one.seq)).toEqual([1, 2, 3, 4]);
});

it("an answer shows nothing of what it answers, and again when that is shown again", () => {
  const { messages } = withNewest(EMPTY, page([message(1), message(2, quoting(1))], 2));
  const hidden = withHidden(NOTHING, 1, true);
  expect(visible(messages, hidden)).toMatchObject([{ seq: 2, reply: { seq: 1, sender: null, content: "", deleted: true } }]);
  expect(JSON.stringify(visible(messages, hidden))).not.toContain("text 1");
  expect(visible(messages, withHidden(hidden, 1, false))).toBe(messages);
});

it("nothing is made anew where nothing is hidden", () => {
  const { messages } = withNewest(EMPTY, page([message(1)], 1));
  expect(visible(messages, withHidden(NOTHING, 7, true))).toBe(messages);
  const one = withHidden(NOTHING, 7, true);
  expect(withHidden(one, 7, true)).toBe(one);
  expect(NOTHING.size).toBe(0);
});

it("what is shown again after the room was read without it comes back with the next reading", () => {
  let timeline = withNewest(EMPTY, page([message(1), message(2), message(3)], 3));
  timeline = reread(timeline, page([message(1), message(3)], 4));
  expect(visible(timeline.messages, NOTHING).map((one) => one.seq)).toEqual([1, 3]);
  timeline = reread(timeline, page([message(1), message(2), message(3)], 4));
  expect(timeline.messages.map((one) => one.seq)).toEqual([1, 2, 3]);
});
