import { expect, it } from "vitest";
import { merged, MOST, wordsOf, type Happening } from "./activity";

const row = (position: number, type = "chat.message.sent"): Happening => ({ position, type, subject: null, time_ms: position });

it("shows each once, the newest first, however it comes", () => {
  const shown = merged(merged([], [row(3), row(2)]), [row(5), row(3), row(4, "user.registered")]);
  expect(shown.map((one) => one.position)).toEqual([5, 4, 3, 2]);
});

it("leaves out what is of others, and receipts", () => {
  expect(merged([], [row(1, "radio.phrase"), row(2, "chat.receipt.moved"), row(3, "chatter.x"), row(4, "user.banned")]).map((one) => one.position)).toEqual([4]);
});

it("has a bound, and keeps the newest", () => {
  const all = merged([], Array.from({ length: MOST + 10 }, (_, at) => row(at + 1)));
  expect([all.length, all[0]?.position]).toEqual([MOST, MOST + 10]);
});

it("names what it does not know", () => {
  expect([wordsOf("user.registered"), wordsOf("chat.new.kind")]).toEqual(["A person registered", "chat.new.kind"]);
});
