import { describe, expect, it } from "vitest";
import type { Line, Notice } from "../contract";
import { calling, countOf, noticed, readUpTo, shown, sorted, withLines } from "./lines";

const ME = "usr_me";
const line = (room: string, over: Partial<Line> = {}): Line => ({
  room, direct: false, name: room, description: "", top: 0, made_by: ME, made_at_ms: 0, last_at_ms: 0, role: "member", unread: 0, mentions: 0,
  read: 0, muted_until_ms: 0, archived: false, other: null, last_message: null, ...over,
});
const came = (room: string, seq: number, by = "usr_eve", mentions_you = false): Notice => ({ type: "message", room, seq, by, mentions_you });

describe("notices", () => {
  it("count once, however often they come and in whatever order", () => {
    let lines = [line("a"), line("b", { last_at_ms: 5 })];
    for (const seq of [1, 2, 2, 1, 3]) lines = noticed(lines, came("a", seq, "usr_eve", seq === 2), ME, 10).lines;
    expect(lines[0]).toMatchObject({ room: "a", unread: 3, mentions: 1 });
  });

  it("of one's own message count nothing", () => {
    expect(noticed([line("a")], came("a", 1, ME), ME, 1).lines[0]?.unread).toBe(0);
  });

  it("of what was read already count nothing", () => {
    expect(noticed([line("a", { read: 7 })], came("a", 5), ME, 1).lines[0]?.unread).toBe(0);
  });

  it("that are older than what was read here take nothing back", () => {
    const lines = readUpTo([line("a", { unread: 2, last_message: { seq: 9, sender: "x", content: "", at_ms: 0, deleted: false } })], "a", 9);
    expect(lines[0]).toMatchObject({ unread: 0, read: 9 });
    expect(noticed(lines, { type: "unread", room: "a", read: 4, unread: 2 }, ME, 1).lines[0]?.unread).toBe(0);
    expect(noticed(lines, { type: "unread", room: "a", read: 9, unread: 1 }, ME, 1).lines[0]?.unread).toBe(1);
  });

  it("of rooms that are not in the list have them read", () => {
    expect(noticed([], came("new", 1), ME, 1).reread).toBe("new");
    expect(noticed([line("a")], { type: "room", room: "a" }, ME, 1).reread).toBe("a");
    expect(noticed([line("a")], { type: "left", room: "a" }, ME, 1)).toEqual({ lines: [], reread: null });
  });
});

describe("the list", () => {
  it("is in one order", () => {
    expect(sorted([line("b"), line("a"), line("c", { last_at_ms: 1 })]).map((one) => one.room)).toEqual(["c", "a", "b"]);
    expect(withLines([line("a"), line("b")], [line("b", { last_at_ms: 9 })]).map((one) => one.room)).toEqual(["b", "a"]);
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
