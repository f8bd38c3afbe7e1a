// When each has got and read a message, beside up to where each has.

import type { Member, ReceiptOf } from "../contract";

/** Somebody whom a message has reached, and when; null where nobody knows it. */
export interface Reached {
  person: string;
  at_ms: number | null;
}

/** These people with their times, the first first; those whose time nobody knows come last, by id. */
export function timed(people: Member[], receipts: ReceiptOf[], of: "read_at_ms" | "delivered_at_ms"): Reached[] {
  const times = new Map(receipts.map((one) => [one.person, one[of] ?? null]));
  const last = (one: Reached): number => one.at_ms ?? Infinity;
  const order = (a: Reached, b: Reached): number => (last(a) === last(b) ? (a.person < b.person ? -1 : 1) : last(a) - last(b));
  return people.map(({ person }) => ({ person, at_ms: times.get(person) ?? null })).sort(order);
}
