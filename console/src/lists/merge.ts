// How a page of history and a live stream become one list that never jumps under the reader. Pure: no clock, no DOM.
//
//            start / older (pages by HTTP)
//                    │
//   arrive ──► rows (shown) ◄── release ── waiting (arrived while the reader reads)
//
// A row that is already shown is updated where it stands, also while paused; only new rows wait.

export interface Order<T> {
  key: (row: T) => string;
  /** Negative when `a` is newer than `b`, that is, shown above it. */
  compare: (a: T, b: T) => number;
}

export interface LiveRows<T> {
  /** Newest first. */
  rows: T[];
  waiting: T[];
  /** Arrived but not shown to us (the server sends at most so many a second) or dropped from a full `waiting`. */
  missed: number;
  /** Asks for what lies before the last row; null when the last row is the oldest there is. */
  older: string | null;
}

/** Bounds: beyond them a list gives up its tail, which can be asked for again. */
export const MAX_ROWS = 500;
export const MAX_WAITING = 200;

export function empty<T>(): LiveRows<T> {
  return { rows: [], waiting: [], missed: 0, older: null };
}

/** The first page. Rows that the stream brought before the page arrived are kept where they are newer. */
export function start<T>(list: LiveRows<T>, page: { items: T[]; next: string | null }, order: Order<T>): LiveRows<T> {
  const known = new Set(page.items.map(order.key));
  const oldest = page.items.at(-1);
  const early = [...list.rows, ...list.waiting].filter(
    (row) => !known.has(order.key(row)) && (oldest === undefined || order.compare(row, oldest) < 0),
  );
  return trim({ rows: sorted([...early, ...page.items], order), waiting: [], missed: 0, older: page.next }, order);
}

/** One more page at the end. */
export function append<T>(list: LiveRows<T>, page: { items: T[]; next: string | null }, order: Order<T>): LiveRows<T> {
  const known = new Set(list.rows.map(order.key));
  const added = page.items.filter((row) => !known.has(order.key(row)));
  return { ...list, rows: [...list.rows, ...added], older: page.next };
}

export interface Arrival<T> {
  items: T[];
  skipped: number;
  /** The reader reads: nothing may move. */
  paused: boolean;
  /** Whether a row belongs in this list under the present filters. */
  belongs: (row: T) => boolean;
}

export function arrive<T>(list: LiveRows<T>, arrival: Arrival<T>, order: Order<T>): LiveRows<T> {
  const changed = new Map(arrival.items.map((row) => [order.key(row), row]));
  const stays = (row: T): boolean => arrival.paused || arrival.belongs(row);
  const update = (row: T): T => changed.get(order.key(row)) ?? row;

  const rows = list.rows.map(update).filter(stays);
  const waiting = list.waiting.map(update).filter(arrival.belongs);
  const shown = new Set([...list.rows, ...list.waiting].map(order.key));
  const oldest = list.rows.at(-1);
  const fresh = [...changed.values()].filter((row) => {
    if (shown.has(order.key(row)) || !arrival.belongs(row)) return false;
    // Below the last row while there is more to ask for: it comes with its own page.
    return list.older === null || oldest === undefined || order.compare(row, oldest) < 0;
  });

  const missed = list.missed + arrival.skipped;
  if (!arrival.paused) return trim(merged({ ...list, rows, waiting, missed }, fresh, order), order);
  const all = sorted([...fresh, ...waiting], order);
  return { ...list, rows, waiting: all.slice(0, MAX_WAITING), missed: missed + Math.max(0, all.length - MAX_WAITING) };
}

/** The reader asked for what waits. Rows that stopped belonging while paused go now. */
export function release<T>(list: LiveRows<T>, belongs: (row: T) => boolean, order: Order<T>): LiveRows<T> {
  return trim(merged({ ...list, rows: list.rows.filter(belongs) }, [], order), order);
}

function merged<T>(list: LiveRows<T>, fresh: T[], order: Order<T>): LiveRows<T> {
  if (fresh.length === 0 && list.waiting.length === 0) return list;
  return { ...list, rows: sorted([...fresh, ...list.waiting, ...list.rows], order), waiting: [] };
}

function sorted<T>(rows: T[], order: Order<T>): T[] {
  return rows.sort(order.compare);
}

/** After a cut the last row's own key is the cursor of what lies before it. */
function trim<T>(list: LiveRows<T>, order: Order<T>): LiveRows<T> {
  if (list.rows.length <= MAX_ROWS) return list;
  const rows = list.rows.slice(0, MAX_ROWS);
  const last = rows.at(-1);
  return { ...list, rows, older: last === undefined ? null : order.key(last) };
}

/** Compares numbers written as text ("9" < "10") without losing digits; anything else as text. Newest first. */
export function newerKey(a: string, b: string): number {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return left === right ? 0 : left > right ? -1 : 1;
  }
  return a === b ? 0 : a > b ? -1 : 1;
}
