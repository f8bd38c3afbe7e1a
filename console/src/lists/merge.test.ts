import { describe, expect, it } from "vitest";
import { append, arrive, empty, MAX_ROWS, MAX_WAITING, newerKey, release, start, type LiveRows, type Order } from "./merge.ts";

interface Row {
  id: number;
  state: string;
}

const order: Order<Row> = { key: (row) => String(row.id), compare: (a, b) => b.id - a.id };
const row = (id: number, state = "a"): Row => ({ id, state });
const ids = (list: LiveRows<Row>): number[] => list.rows.map((one) => one.id);
const every = (): boolean => true;

function listOf(rows: number[], older: string | null = null): LiveRows<Row> {
  return start(empty<Row>(), { items: rows.map((id) => row(id)), next: older }, order);
}

function come(list: LiveRows<Row>, items: Row[], how: { paused?: boolean; skipped?: number; belongs?: (row: Row) => boolean } = {}): LiveRows<Row> {
  return arrive(list, { items, skipped: how.skipped ?? 0, paused: how.paused ?? false, belongs: how.belongs ?? every }, order);
}

describe("while the list runs", () => {
  it("puts new rows on top, each once, whatever the order in which they come", () => {
    expect(ids(come(listOf([3, 2, 1]), [row(5), row(4), row(3), row(5)]))).toEqual([5, 4, 3, 2, 1]);
  });

  it("changes a known row where it stands", () => {
    const list = come(listOf([3, 2, 1]), [row(2, "b")]);
    expect(list.rows.map((one) => one.state)).toEqual(["a", "b", "a"]);
  });

  it("drops a row that stopped belonging, and one that never did", () => {
    const list = come(listOf([3, 2, 1]), [row(2, "b"), row(9, "b")], { belongs: (one) => one.state === "a" });
    expect(ids(list)).toEqual([3, 1]);
  });

  it("leaves what lies below the last row to its own page", () => {
    expect(ids(come(listOf([9, 8], "8"), [row(4)]))).toEqual([9, 8]);
    expect(ids(come(listOf([9, 8], null), [row(4)]))).toEqual([9, 8, 4]);
  });

  it("counts what the server skipped", () => {
    expect(come(come(listOf([1]), [], { skipped: 3 }), [row(2)], { skipped: 4 }).missed).toBe(7);
  });

  it("gives up its tail when it is full, and knows where to ask on", () => {
    const many = Array.from({ length: MAX_ROWS + 10 }, (_, i) => row(i + 10));
    const list = come(listOf([1]), many);
    expect(list.rows).toHaveLength(MAX_ROWS);
    expect(list.rows[0]?.id).toBe(MAX_ROWS + 19);
    expect(list.older).toBe(String(list.rows.at(-1)?.id));
  });
});

describe("while the reader reads", () => {
  it("moves nothing: new rows wait, newest first, each once", () => {
    let list = come(listOf([2, 1]), [row(3)], { paused: true });
    list = come(list, [row(4), row(3)], { paused: true });
    expect(ids(list)).toEqual([2, 1]);
    expect(list.waiting.map((one) => one.id)).toEqual([4, 3]);
  });

  it("changes shown and waiting rows where they stand", () => {
    let list = come(listOf([2, 1]), [row(3)], { paused: true });
    list = come(list, [row(1, "b"), row(3, "b")], { paused: true });
    expect(list.rows.map((one) => one.state)).toEqual(["a", "b"]);
    expect(list.waiting).toEqual([row(3, "b")]);
  });

  it("keeps a row that stopped belonging until the reader is done", () => {
    const belongs = (one: Row): boolean => one.state === "a";
    const list = come(listOf([2, 1]), [row(1, "b")], { paused: true, belongs });
    expect(ids(list)).toEqual([2, 1]);
    expect(ids(release(list, belongs, order))).toEqual([2]);
  });

  it("lets in what waits when asked, in order", () => {
    const list = release(come(listOf([2, 1]), [row(3), row(5), row(4)], { paused: true }), every, order);
    expect(ids(list)).toEqual([5, 4, 3, 2, 1]);
    expect(list.waiting).toEqual([]);
  });

  it("bounds what waits and counts the rest", () => {
    const many = Array.from({ length: MAX_WAITING + 5 }, (_, i) => row(i + 10));
    const list = come(listOf([1]), many, { paused: true });
    expect(list.waiting).toHaveLength(MAX_WAITING);
    expect(list.missed).toBe(5);
  });
});

describe("pages", () => {
  it("keeps what the stream brought before the first page came", () => {
    const early = come(empty<Row>(), [row(8), row(7)]);
    const list = start(early, { items: [row(7), row(6)], next: "6" }, order);
    expect(ids(list)).toEqual([8, 7, 6]);
    expect(list.older).toBe("6");
  });

  it("appends an older page without doubling a row", () => {
    const list = append(listOf([9, 8], "8"), { items: [row(8), row(7)], next: null }, order);
    expect(ids(list)).toEqual([9, 8, 7]);
    expect(list.older).toBeNull();
  });

  it("does not change the list it was given", () => {
    const before = listOf([2, 1]);
    const copy = structuredClone(before);
    come(before, [row(3)]);
    come(before, [row(3)], { paused: true });
    release(before, every, order);
    append(before, { items: [row(0)], next: null }, order);
    expect(before).toEqual(copy);
  });
});

describe("newerKey", () => {
  it("compares numbers as numbers, also beyond what a float holds", () => {
    expect(["9", "10", "9007199254740993", "9007199254740992"].sort(newerKey)).toEqual(["9007199254740993", "9007199254740992", "10", "9"]);
  });
  it("compares anything else as text", () => expect(["01A", "01B"].sort(newerKey)).toEqual(["01B", "01A"]));
});
