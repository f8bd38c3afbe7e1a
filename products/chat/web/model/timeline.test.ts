import { describe, expect, it } from "vitest";
import type { Entry, Message, Page } from "../contract";
import { around, EMPTY, misses, reachedOf, receiptOf, refreshed, reread, WINDOW, withEntry, withMembers, withNewer, withNewest, withOlder, withReceipts, withSent, type Timeline } from "./timeline";

const ME = "usr_me";
const message = (seq: number, over: Partial<Message> = {}): Message => ({
  room: "r", seq, sender: "usr_eve", client_id: `c${seq}`, content: `text ${seq}`, at_ms: seq * 1000, edited_at_ms: null, deleted: false,
  mentions: [], reply: null, reactions: [], ...over,
});
const page = (seqs: number[], top: number, more = false): Page => ({ items: seqs.map((seq) => message(seq)), more, people: [], top });
const sent = (seq: number, over: Partial<Message> = {}): Entry => ({ type: "message.sent", seq, at_ms: 0, by: "usr_eve", message: seq, body: message(seq, over) });
const reaction = (seq: number, about: number, on: boolean, by = "usr_eve"): Entry => ({ type: "reaction.changed", seq, at_ms: 0, by, message: about, emoji: "👍", on });
const seqs = (timeline: Timeline): number[] => timeline.messages.map((one) => one.seq);

/** A small generator, so that a failure is repeated by its seed. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the log", () => {
  it("told twice changes nothing", () => {
    let once = withNewest(EMPTY, page([1, 2], 2));
    const entries = [sent(3), reaction(4, 3, true), { type: "message.edited", seq: 5, at_ms: 0, by: "usr_eve", message: 3, body: message(3, { content: "new" }) }];
    for (const entry of entries) once = withEntry(once, entry, ME);
    let twice = once;
    for (const entry of entries) twice = withEntry(twice, entry, ME);
    expect(twice).toEqual(once);
    expect(once.messages.at(-1)).toMatchObject({ content: "new", reactions: [{ emoji: "👍", count: 1, mine: false }] });
  });

  it("says where something was lost", () => {
    const timeline = withNewest(EMPTY, page([1, 2], 2));
    expect(misses(timeline, sent(3))).toBe(false);
    expect(misses(timeline, sent(2))).toBe(false);
    expect(misses(timeline, sent(4))).toBe(true);
    expect(misses(EMPTY, sent(9))).toBe(false);
  });

  it("that is in a page already is not counted again", () => {
    const read = page([1], 5);
    read.items[0]!.reactions = [{ emoji: "👍", count: 1, mine: false }];
    const timeline = withEntry(withNewest(EMPTY, read), reaction(4, 1, true), ME);
    expect(timeline.messages[0]?.reactions).toEqual([{ emoji: "👍", count: 1, mine: false }]);
  });

  it("of an older page that is newer than the log so far is not counted again when the log comes", () => {
    let timeline = withNewest(EMPTY, page([10], 10, true));
    const older = page([5], 12);
    older.items[0]!.reactions = [{ emoji: "👍", count: 1, mine: false }];
    timeline = withOlder(timeline, older);
    timeline = withEntry(timeline, reaction(11, 5, true), ME);
    expect(timeline.messages[0]?.reactions[0]?.count).toBe(1);
    timeline = withEntry(timeline, reaction(13, 5, true, "usr_bob"), ME);
    expect(timeline.messages[0]?.reactions[0]?.count).toBe(2);
  });

  it("ends a message, and what quotes it", () => {
    let timeline = withNewest(EMPTY, page([1], 1));
    timeline = withEntry(timeline, sent(2, { reply: { seq: 1, sender: "usr_eve", content: "text 1", deleted: false } }), ME);
    timeline = withEntry(timeline, { type: "message.deleted", seq: 3, at_ms: 0, by: "usr_eve", message: 1 }, ME);
    expect(timeline.messages[0]).toMatchObject({ deleted: true, content: "" });
    expect(timeline.messages[1]?.reply).toEqual({ seq: 1, sender: null, content: "", deleted: true });
  });

  it("whose text is gone brings no message", () => {
    const { body: _, ...gone } = sent(2);
    expect(seqs(withEntry(withNewest(EMPTY, page([1], 1)), gone, ME))).toEqual([1]);
  });

  it("in any order, with repetitions and pages between, comes to the same messages", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const roll = dice(seed);
      const entries = Array.from({ length: 12 }, (_, at) => sent(at + 1));
      let timeline: Timeline = EMPTY;
      const told = entries.flatMap((entry) => (roll() < 0.4 ? [entry, entry] : [entry]));
      for (const entry of told) {
        if (roll() < 0.3) {
          // A page as of any time before now.
          const top = Math.max(1, Math.floor(roll() * entry.seq));
          const last = Array.from({ length: top }, (_, at) => at + 1).slice(-4);
          timeline = withNewest(timeline, page(last, top, last[0] !== 1));
        }
        if (misses(timeline, entry)) timeline = withNewest(timeline, page([entry.seq - 1], entry.seq - 1, true));
        timeline = withEntry(timeline, entry, ME);
      }
      expect(seqs(timeline).at(-1), `seed ${seed}`).toBe(12);
      expect(new Set(seqs(timeline)).size, `seed ${seed}`).toBe(seqs(timeline).length);
      expect(seqs(timeline), `seed ${seed}`).toEqual([...seqs(timeline)].sort((a, b) => a - b));
    }
  });
});

describe("pages", () => {
  it("that do not reach what is there leave no hole", () => {
    const timeline = withNewest(withNewest(EMPTY, page([1, 2], 2)), page([50, 51], 51, true));
    expect(seqs(timeline)).toEqual([50, 51]);
    expect(timeline.moreBefore).toBe(true);
  });

  it("that are read after a loss keep nothing that may be stale", () => {
    let timeline = withNewest(EMPTY, page([1, 2, 3], 3));
    timeline = withEntry(timeline, sent(9), ME);
    timeline = reread(timeline, page([3, 4], 8, true));
    // 1 and 2 may have been deleted between 4 and 8; what was told after this reading stays.
    expect(seqs(timeline)).toEqual([3, 4, 9]);
    expect([timeline.moreBefore, timeline.top]).toEqual([true, 9]);
  });

  it("that overlap join", () => {
    const timeline = withNewest(withNewest(EMPTY, page([1, 2, 3], 3)), page([3, 4], 4, true));
    expect(seqs(timeline)).toEqual([1, 2, 3, 4]);
    expect(timeline.moreBefore).toBe(false);
  });

  it("that are late take nothing back", () => {
    let timeline = withNewest(EMPTY, page([1], 1));
    timeline = withEntry(timeline, sent(2), ME);
    timeline = withEntry(timeline, { type: "message.edited", seq: 3, at_ms: 0, by: "usr_eve", message: 1, body: message(1, { content: "new" }) }, ME);
    timeline = withNewest(timeline, page([1], 1));
    expect(seqs(timeline)).toEqual([1, 2]);
    expect(timeline.messages[0]?.content).toBe("new");
    expect(timeline.top).toBe(3);
  });

  it("keep a bounded window in both directions", () => {
    const many = Array.from({ length: 200 }, (_, at) => at + 1000);
    let timeline = withNewest(EMPTY, page(many, 1200, true));
    timeline = withOlder(timeline, page(Array.from({ length: 200 }, (_, at) => at + 500), 1200, true));
    expect(timeline.messages).toHaveLength(WINDOW);
    expect(timeline.moreAfter).toBe(true);
    // What is said now is beyond the window; coming back brings it.
    timeline = withEntry(timeline, sent(1201), ME);
    expect(seqs(timeline)).not.toContain(1201);
    timeline = withNewer(timeline, page([1195, 1201], 1201));
    expect(seqs(timeline).at(-1)).toBe(1201);
    expect(timeline.moreAfter).toBe(false);
  });

  it("around a message stand by themselves", () => {
    let timeline = withNewest(EMPTY, page([90, 91], 91, true));
    timeline = around(timeline, page([9, 10], 91, true), page([11, 12], 91, true));
    expect(seqs(timeline)).toEqual([9, 10, 11, 12]);
    expect([timeline.moreBefore, timeline.moreAfter]).toEqual([true, true]);
  });
});

describe("what one does oneself", () => {
  it("is one message, answered and told", () => {
    let timeline = withNewest(EMPTY, page([1], 1));
    timeline = withSent(timeline, message(2, { sender: ME }));
    timeline = withEntry(timeline, sent(2, { sender: ME }), ME);
    timeline = withSent(timeline, message(2, { sender: ME }));
    expect(seqs(timeline)).toEqual([1, 2]);
  });

  it("is one emoji, ahead of the log and by it", () => {
    let timeline = withNewest(EMPTY, page([1], 1));
    timeline = withEntry(timeline, reaction(2, 1, true, ME), ME);
    timeline = withEntry(timeline, reaction(3, 1, true, ME), ME);
    expect(timeline.messages[0]?.reactions).toEqual([{ emoji: "👍", count: 1, mine: true }]);
    timeline = withEntry(timeline, reaction(4, 1, false, ME), ME);
    expect(timeline.messages[0]?.reactions).toEqual([]);
  });
});

describe("what one does oneself, late", () => {
  it("leaves no hole: an old message comes with its page", () => {
    const timeline = withNewest(EMPTY, page([50, 51], 51, true));
    expect(seqs(withSent(timeline, message(20, { sender: ME })))).toEqual([50, 51]);
    const whole = withNewest(EMPTY, page([50, 51], 51));
    expect(seqs(withSent(whole, message(20, { sender: ME })))).toEqual([20, 50, 51]);
  });

  it("in a full window is not taken for the beginning of the room", () => {
    let timeline = withNewest(EMPTY, page(Array.from({ length: WINDOW }, (_, at) => at + 1), WINDOW));
    expect(timeline.moreBefore).toBe(false);
    timeline = withSent(timeline, message(WINDOW + 1, { sender: ME }));
    expect([timeline.messages.length, timeline.messages[0]?.seq, timeline.moreBefore]).toEqual([WINDOW, 2, true]);
  });

  it("is read again where nobody knows what became of it, and adds nothing", () => {
    let timeline = withEntry(withNewest(EMPTY, page([1, 2], 2)), reaction(5, 2, true), ME);
    const again = page([1, 2, 3], 4);
    again.items[0]!.content = "changed";
    timeline = refreshed(timeline, again);
    expect(seqs(timeline)).toEqual([1, 2]);
    expect(timeline.messages[0]?.content).toBe("changed");
    // What is known as of later stays.
    expect(timeline.messages[1]?.reactions).toHaveLength(1);
  });
});

describe("receipts", () => {
  const said = (seq: number) => ({ seq, sender: ME, at_ms: seq });
  const member = (person: string, read: number, delivered: number) => ({ person, role: "member" as const, joined_at_ms: 0, read, delivered });

  it("only go forward", () => {
    let timeline = withMembers(EMPTY, [member(ME, 0, 0), member("usr_eve", 5, 6)]);
    timeline = withReceipts(timeline, [{ person: "usr_eve", read: 3, delivered: 4 }]);
    expect(timeline.members[1]).toMatchObject({ read: 5, delivered: 6 });
    timeline = withMembers(timeline, [member(ME, 0, 0), member("usr_eve", 1, 1)]);
    expect(timeline.members[1]).toMatchObject({ read: 5, delivered: 6 });
  });

  it("of people who are not known yet wait for them", () => {
    let timeline = withReceipts(withMembers(EMPTY, [member(ME, 0, 0)]), [{ person: "usr_new", read: 3, delivered: 4 }]);
    expect(timeline.members).toHaveLength(1);
    timeline = withMembers(timeline, [member(ME, 0, 0), member("usr_new", 0, 0)]);
    expect(timeline.members[1]).toMatchObject({ read: 3, delivered: 4 });
    expect(timeline.early).toEqual([]);
  });

  it("are exact: everybody else's, and not one's own", () => {
    const members = [member(ME, 9, 9), member("usr_eve", 5, 7), member("usr_bob", 6, 6)];
    expect([5, 6, 7].map((seq) => receiptOf(members, said(seq)))).toEqual(["read", "delivered", "sent"]);
    expect(receiptOf([member(ME, 9, 9)], said(1))).toBe("sent");
  });

  it("are of those to whom it was said: nobody has read what came before they did", () => {
    // Who comes has read all that was there.
    const members = [member(ME, 9, 9), member("usr_eve", 4, 4), { ...member("usr_new", 8, 8), joined_at_ms: 6 }];
    expect(reachedOf(members, said(4)).read.map((one) => one.person)).toEqual(["usr_eve"]);
    expect(reachedOf(members, said(5)).missing.map((one) => one.person)).toEqual(["usr_eve"]);
    expect(reachedOf(members, said(6)).read.map((one) => one.person)).toEqual(["usr_new"]);
    expect(receiptOf([member(ME, 9, 9), members[2]!], said(4))).toBe("sent");
  });

  it("wait for nobody who comes never again", () => {
    const gone = { ...member("usr_bob", 2, 3), gone: true };
    const members = [member(ME, 9, 9), member("usr_eve", 5, 6), gone];
    expect([5, 6, 7].map((seq) => receiptOf(members, said(seq)))).toEqual(["read", "delivered", "sent"]);
    expect(reachedOf(members, said(4))).toMatchObject({ read: [{ person: "usr_eve" }], delivered: [], missing: [] });
    // What such a one had read, alone with somebody, was read.
    expect([2, 3, 4].map((seq) => receiptOf([member(ME, 9, 9), gone], said(seq)))).toEqual(["read", "delivered", "sent"]);
  });
});
