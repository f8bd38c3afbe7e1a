import { describe, expect, it } from "vitest";
import type { LastMessage, Line, Notice } from "../contract";
import { calling, countOf, nearest, noticed, readUpTo, shown, sorted, withLines } from "./lines";

const ME = "usr_me";
const line = (room: string, over: Partial<Line> = {}): Line => ({
  room, direct: false, name: room, description: "", top: 0, made_by: ME, made_at_ms: 0, last_at_ms: 0, role: "member", unread: 0, mentions: 0,
  read: 0, muted_until_ms: 0, archived: false, other: null, last_message: null, ...over,
});
const last = (seq: number, sender = "usr_eve", over: Partial<LastMessage> = {}): LastMessage => ({ seq, sender, content: `said ${seq}`, at_ms: seq * 10, deleted: false, ...over });
const came = (room: string, seq: number, by = "usr_eve", mentions_you = false): Notice => ({ type: "message", room, seq, by, mentions_you, last_message: last(seq, by) });
const counted = (room: string, read: number, unread: number, mentions: number, upTo: number): Notice => ({ type: "unread", room, read, unread, mentions, last_message: last(upTo) });

describe("notices", () => {
  it("count once, however often they come and in whatever order", () => {
    let lines = [line("a"), line("b", { last_at_ms: 5 })];
    for (const seq of [1, 2, 2, 1, 3]) lines = noticed(lines, came("a", seq, "usr_eve", seq === 2), ME).lines;
    expect(lines[0]).toMatchObject({ room: "a", unread: 3, mentions: 1 });
  });

  it("of messages say all that is shown of them: nothing is asked for", () => {
    const { lines, reread } = noticed([line("b", { last_at_ms: 5 }), line("a")], came("a", 3), ME);
    expect(reread).toBeNull();
    expect(lines[0]).toMatchObject({ room: "a", last_at_ms: 30, top: 3, last_message: { seq: 3, sender: "usr_eve", content: "said 3" } });
    expect(noticed(lines, { type: "last", room: "a", last_message: last(3, "usr_eve", { content: "edited" }) }, ME)).toMatchObject({ reread: null, lines: [{ unread: 1, last_message: { content: "edited" } }, {}] });
    // Of one that is not the last any more.
    expect(noticed(lines, { type: "last", room: "a", last_message: last(2) }, ME).lines).toBe(lines);
  });

  it("of what was counted already, or is gone already, count nothing", () => {
    let lines = noticed([line("a")], counted("a", 1, 2, 1, 3), ME).lines;
    for (const seq of [2, 3, 4]) lines = noticed(lines, came("a", seq), ME).lines;
    expect(lines[0]).toMatchObject({ unread: 3, mentions: 1 });
    expect(noticed([line("a")], { ...came("a", 1), last_message: last(1, "usr_eve", { content: "", deleted: true }) } as Notice, ME).lines[0]).toMatchObject({ unread: 0, last_message: { deleted: true } });
    // Counted before what is here was read.
    expect(noticed(lines, counted("a", 1, 1, 0, 2), ME).lines).toBe(lines);
  });

  it("take a mention away that was read elsewhere, though not all was", () => {
    const lines = noticed([line("a", { unread: 3, mentions: 1 })], counted("a", 2, 1, 0, 3), ME).lines;
    expect(lines[0]).toMatchObject({ unread: 1, mentions: 0, read: 2 });
  });

  it("of what was hidden leave what is shown, and an older one may be the last", () => {
    const hid = (seq: number, on: boolean, upTo: number | null, unread = 1, read = 0): Notice => ({
      type: "hidden", room: "a", seq, on, read, unread, mentions: 0, last_message: upTo === null ? null : last(upTo),
    });
    const lines = [line("a", { unread: 2, mentions: 1, last_message: last(9), last_at_ms: 90 }), line("b")];
    const hidden = noticed(lines, hid(9, true, 7), ME);
    expect(hidden).toMatchObject({ reread: null, lines: [{ room: "a", unread: 1, mentions: 0, last_message: { seq: 7 }, last_at_ms: 90 }, {}] });
    expect(noticed(hidden.lines, hid(9, false, 9, 2), ME).lines[0]).toMatchObject({ unread: 2, last_message: { seq: 9 } });
    expect(noticed(hidden.lines, hid(7, true, null, 0), ME).lines[0]).toMatchObject({ unread: 0, last_message: null });
    // What came after it stays; what was counted before that was read is counted anew.
    expect(noticed(lines, hid(4, true, 9), ME).lines[0]).toMatchObject({ unread: 1, last_message: { seq: 9 } });
    expect(noticed(lines, hid(4, true, 8), ME)).toEqual({ lines, reread: "a" });
    expect(noticed([line("a", { read: 9, last_message: last(9) })], hid(9, true, 7, 2, 3), ME).lines[0]).toMatchObject({ read: 9, unread: 0, last_message: { seq: 7 } });
  });

  it("of one's own message count nothing", () => {
    expect(noticed([line("a")], came("a", 1, ME), ME).lines[0]?.unread).toBe(0);
  });

  it("of what was read already count nothing", () => {
    expect(noticed([line("a", { read: 7 })], came("a", 5), ME).lines[0]?.unread).toBe(0);
  });

  it("that are older than what was read here take nothing back", () => {
    const lines = readUpTo([line("a", { unread: 2, last_message: { seq: 9, sender: "x", content: "", at_ms: 0, deleted: false } })], "a", 9);
    expect(lines[0]).toMatchObject({ unread: 0, read: 9 });
    expect(noticed(lines, counted("a", 4, 2, 0, 9), ME).lines[0]?.unread).toBe(0);
    expect(noticed(lines, counted("a", 9, 1, 0, 10), ME).lines[0]?.unread).toBe(1);
  });

  it("of rooms that are not in the list have them read", () => {
    expect(noticed([], came("new", 1), ME).reread).toBe("new");
    expect(noticed([line("a")], { type: "room", room: "a" }, ME).reread).toBe("a");
    expect(noticed([line("a")], { type: "left", room: "a" }, ME)).toEqual({ lines: [], reread: null });
  });
});

describe("the list", () => {
  it("is in one order", () => {
    expect(sorted([line("b"), line("a"), line("c", { last_at_ms: 1 })]).map((one) => one.room)).toEqual(["c", "a", "b"]);
    expect(withLines([line("a"), line("b")], [line("b", { last_at_ms: 9 })]).map((one) => one.room)).toEqual(["b", "a"]);
  });

  it("is listened around, the open room first", () => {
    const lines = ["a", "b", "c", "d"].map((room) => line(room));
    expect(nearest(lines, "d", 2)).toEqual(["d", "a"]);
    expect(nearest(lines, "b", 3)).toEqual(["b", "a", "c"]);
    expect(nearest(lines, null, 2)).toEqual(["a", "b"]);
    expect(nearest(lines, "somebody else's", 2)).toEqual(["a", "b"]);
  });

  it("is sieved", () => {
    const lines = [line("a", { unread: 1 }), line("b"), line("c", { archived: true, unread: 2 })];
    expect(shown(lines, "all").map((one) => one.room)).toEqual(["a", "b"]);
    expect(shown(lines, "unread").map((one) => one.room)).toEqual(["a"]);
    expect(shown(lines, "archived").map((one) => one.room)).toEqual(["c"]);
  });

  it("calls for what is not muted, and for a mention all the same", () => {
    const lines = [line("a", { unread: 1 }), line("b", { unread: 1, muted_until_ms: 100 }), line("c", { unread: 1, mentions: 1, muted_until_ms: 100 })];
    expect(calling(lines, 50)).toBe(2);
    expect(calling(lines, 200)).toBe(3);
    expect([3, 999, 1000].map(countOf)).toEqual(["3", "999", "999+"]);
  });
});
