import { expect, it } from "vitest";
import type { Member, ReceiptOf } from "../contract";
import { timed } from "./receipts";

const member = (person: string): Member => ({ person, role: "member", joined_at_ms: 0, read: 9, delivered: 9 });
const receipt = (person: string, read_at_ms: number | null): ReceiptOf => ({ person, delivered: true, delivered_at_ms: 1, read: read_at_ms !== null, read_at_ms });

it("who read it first is the first, and whose time nobody knows the last", () => {
  const people = ["d", "c", "b", "a"].map(member);
  const receipts = [receipt("b", 20), receipt("c", 10), receipt("e", 5)];
  expect(timed(people, receipts, "read_at_ms")).toEqual([
    { person: "c", at_ms: 10 },
    { person: "b", at_ms: 20 },
    { person: "a", at_ms: null },
    { person: "d", at_ms: null },
  ]);
  expect(timed(people.slice(1, 2), receipts, "delivered_at_ms")).toEqual([{ person: "c", at_ms: 1 }]);
  // Before the times are read.
  expect(timed(people, [], "read_at_ms").map((one) => one.person)).toEqual(["a", "b", "c", "d"]);
});
