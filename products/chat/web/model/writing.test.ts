import { describe, expect, it } from "vitest";
import { offered, taken } from "./completion";
import { dayWords, rowsOf, shortWhen } from "./rows";
import type { Known } from "./timeline";
import { heard, present, words } from "./typing";

const PEOPLE = [{ id: "1", name: "Ada Lovelace" }, { id: "2", name: "Eve" }];
const REPLIES = [{ shortcut: "thanks", content: "Thank you!" }, { shortcut: "brb", content: "Back soon." }];

describe("completion", () => {
  it("offers people behind an @, by any word of their name", () => {
    expect(offered("hi @lov", 7, PEOPLE, [])?.offers).toHaveLength(1);
    expect(offered("hi @ada l", 9, PEOPLE, [])?.offers).toHaveLength(1);
    expect(offered("me@ad", 5, PEOPLE, [])).toBeNull();
    expect(offered("hi @eve", 7, PEOPLE, [])).toBeNull();
    expect(offered("@ ", 2, PEOPLE, [])).toBeNull();
  });

  it("offers quick replies at the beginning alone", () => {
    expect(offered("/th", 3, [], REPLIES)?.offers).toHaveLength(1);
    expect(offered("a /th", 5, [], REPLIES)).toBeNull();
  });

  it("puts in what is taken and keeps the rest", () => {
    const offer = offered("hi @lov there", 7, PEOPLE, [])!;
    expect(taken("hi @lov there", 7, offer.from, offer.offers[0]!)).toEqual({ text: "hi @Ada Lovelace there", caret: 17 });
    expect(taken("/th", 3, 0, { kind: "reply", reply: REPLIES[0]! })).toEqual({ text: "Thank you!", caret: 10 });
  });
});

describe("typing", () => {
  it("ends by itself after five seconds, or when it is taken back", () => {
    let typists = heard(heard(new Map(), "a", true, 0), "b", true, 3000);
    expect([...present(typists, 5000).keys()]).toEqual(["b"]);
    typists = heard(typists, "b", false, 3001);
    expect([...present(typists, 4000).keys()]).toEqual(["a"]);
    expect([words([]), words(["Ada"]), words(["Ada", "Eve"]), words(["a", "b", "c"])]).toEqual(["", "Ada is writing", "Ada and Eve are writing", "3 people are writing"]);
  });
});

describe("rows", () => {
  const at = (day: number, hour: number, minute = 0): number => new Date(2026, 10, day, hour, minute).getTime();
  const message = (seq: number, sender: string, at_ms: number): Known => ({
    room: "r", seq, sender, client_id: "", content: "", at_ms, edited_at_ms: null, deleted: false, mentions: [], reply: null, reactions: [], asOf: seq,
  });

  it("part days, gather a sender's, and mark what is new", () => {
    const messages = [message(1, "a", at(1, 9)), message(2, "a", at(1, 9, 1)), message(3, "b", at(1, 9, 2)), message(4, "b", at(2, 9))];
    const rows = rowsOf(messages, 2, "a");
    expect(rows.map((row) => row.kind)).toEqual(["day", "message", "message", "new", "message", "day", "message"]);
    expect(rows.filter((row) => row.kind === "message").map((row) => [row.first, row.last])).toEqual([[true, false], [false, true], [true, true], [true, true]]);
    expect(rowsOf(messages, 4, "a").some((row) => row.kind === "new")).toBe(false);
    // One's own messages are not new.
    expect(rowsOf([message(5, "me", at(1, 9))], 1, "me").some((row) => row.kind === "new")).toBe(false);
  });

  it("call days as people do", () => {
    const now = at(20, 0, 30);
    expect([at(20, 0), at(19, 23), at(18, 12)].map((ms) => dayWords(ms, now))).toEqual(["Today", "Yesterday", "Wednesday"]);
    expect(dayWords(at(1, 8), now)).toContain("1 November");
    expect(shortWhen(at(18, 12), now)).toBe("Wed");
  });
});
