import { expect, it } from "vitest";
import { press, type KeyContext } from "./keys.ts";

const NONE: KeyContext = { pending: null, pendingAtMs: 0 };

it("passes a single key on", () => {
  expect(press(NONE, "j", 5)).toEqual({ command: "j", context: NONE });
});

it("joins g with the next key", () => {
  const first = press(NONE, "g", 1000);
  expect(first.command).toBeNull();
  expect(press(first.context, "w", 1500)).toEqual({ command: "g w", context: NONE });
});

it("forgets a g that nothing followed", () => {
  const first = press(NONE, "g", 1000);
  expect(press(first.context, "j", 9000).command).toBe("j");
});

it("takes back a g with Escape", () => {
  const first = press(NONE, "g", 1000);
  expect(press(first.context, "Escape", 1100)).toEqual({ command: null, context: NONE });
});
