import { describe, expect, it } from "vitest";
import { again, begun, ended, MOST, next, outcomeOf, pause, revived, said, stored, takenBack, without, type Unsent } from "./outbox";

const one = (id: string, room = "r") => ({ room, client_id: id, content: id, reply_to: null, quoted: null, file: null, at_ms: 1 });
const queue = (...ids: string[]): Unsent[] => ids.reduce((all, id) => said(all, one(id)), [] as Unsent[]);
/** As a page finds it that is opened anew. */
const reopened = (all: Unsent[]): Unsent[] => revived(stored(all.map((it) => JSON.stringify(it)).reverse()));
const ids = (all: Unsent[]): string[] => all.map((it) => it.client_id);

describe("the outbox", () => {
  it("gives the words of a refused message back, and none that are written meanwhile get lost", () => {
    expect(takenBack("too long", "")).toBe("too long");
    expect(takenBack("too long", "half written")).toBe("too long\nhalf written");
    expect(takenBack("", "half written")).toBe("half written");
  });

  it("lets one of a room go at a time, in the order in which they were said", () => {
    let all = queue("a", "b");
    all = said(all, one("c", "other"));
    expect(ids(next(all))).toEqual(["a", "c"]);
    all = begun(all, "a");
    expect(ids(next(all))).toEqual(["c"]);
    all = ended(all, "a", { kind: "later" });
    expect(ids(next(all))).toEqual(["a", "c"]);
    all = ended(begun(all, "a"), "a", { kind: "sent" });
    expect(ids(next(all))).toEqual(["b", "c"]);
  });

  it("is held up by no refused message, which stays until somebody decides", () => {
    let all = ended(begun(queue("a", "b"), "a"), "a", { kind: "refused", why: "too long" });
    expect(ids(next(all))).toEqual(["b"]);
    expect(all[0]).toMatchObject({ state: "failed", why: "too long" });
    all = again(all, "a");
    expect(ids(next(all))).toEqual(["a"]);
  });

  it("takes a name once", () => {
    expect(ids(said(queue("a"), one("a")))).toEqual(["a"]);
  });

  it("is bounded", () => {
    const full = queue(...Array.from({ length: MOST }, (_, at) => `m${at}`));
    expect(said(full, one("more"))).toBe(full);
  });

  it("sends again what was on its way when the page was closed, under the same name", () => {
    const before = begun(queue("a", "b"), "a");
    const after = reopened(before);
    expect(ids(next(after))).toEqual(["a"]);
    expect(after.map((it) => it.state)).toEqual(["waiting", "waiting"]);
  });

  it("survives whatever is stored under its name", () => {
    expect(stored(["", "{", "{}", "null", "1", '{"client_id":"a"}', "[]"])).toEqual([]);
    expect(ids(stored([...queue("a"), ...queue("a")].map((it) => JSON.stringify(it))))).toEqual(["a"]);
  });

  it("does not call waiting what this page has on its way", () => {
    const all = begun(begun(queue("a", "b"), "a"), "b");
    expect(revived(all, new Set(["a"])).map((it) => it.state)).toEqual(["sending", "waiting"]);
  });

  it("of two tabs is one, in the order in which it was said", () => {
    const here = said([], { ...one("a"), at_ms: 5 });
    const there = said([], { ...one("b"), at_ms: 3 });
    expect(ids(stored([...here, ...there].map((it) => JSON.stringify(it))))).toEqual(["b", "a"]);
  });

  it("forgets what the log told of, whenever that is", () => {
    const all = begun(queue("a", "b"), "a");
    const told = without(all, "a");
    expect(ids(told)).toEqual(["b"]);
    expect(ended(told, "a", { kind: "later" })).toEqual(told);
  });

  it("delivers each once and in order to a server that keeps names, whatever is lost on the way", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      let state = seed;
      const roll = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      const names = ["a", "b", "c", "d", "e"];
      const kept: string[] = [];
      let all = queue(...names);
      for (let step = 0; all.length > 0 && step < 500; step += 1) {
        const going = next(all)[0];
        if (!going) {
          all = reopened(all);
          continue;
        }
        all = begun(all, going.client_id);
        const fate = roll();
        // Lost on the way there; taken, with its answer lost or the page reloaded; or taken and answered.
        if (fate >= 0.3 && !kept.includes(going.client_id)) kept.push(going.client_id);
        if (fate < 0.3 || fate < 0.5) all = ended(all, going.client_id, { kind: "later" });
        else if (fate < 0.6) all = reopened(all);
        else all = ended(all, going.client_id, { kind: "sent" });
      }
      expect(kept, `seed ${seed}`).toEqual(names);
    }
  });
});

describe("answers", () => {
  it("that may be otherwise tomorrow keep the message", () => {
    for (const status of [0, 401, 408, 423, 429, 500, 503]) expect(outcomeOf(status, "")).toEqual({ kind: "later" });
    for (const status of [400, 403, 404, 413, 422]) expect(outcomeOf(status, "no")).toEqual({ kind: "refused", why: "no" });
  });

  it("are waited for a little longer each time, and never for long", () => {
    expect(pause(1, 0)).toBeLessThan(pause(3, 0));
    expect(pause(99, 1)).toBeLessThanOrEqual(37_500);
  });
});
