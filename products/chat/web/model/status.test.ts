import { expect, it } from "vitest";
import type { Status } from "../contract";
import { Idle } from "./idle";
import { statusOf, statusWords } from "./status";

const told = (status: Status) => ({ person: "usr_eve", status, last_seen_at_ms: null });

it("who has a socket is there at once, and away only by the server's word", () => {
  expect(statusOf(undefined, true)).toBe("online");
  expect(statusOf(told("offline"), true)).toBe("online");
  expect(statusOf(told("away"), true)).toBe("away");
  // Whom no room in sight has: the server knows.
  expect(statusOf(told("online"), false)).toBe("online");
  expect(statusOf(told("away"), false)).toBe("away");
  expect(statusOf(undefined, false)).toBe("offline");
});

it("says when somebody was last seen, where that is shown", () => {
  const now = new Date(2027, 2, 3, 15, 0).getTime();
  const words = (at: Date | number): string => statusWords("offline", Number(at), now);
  expect(statusWords("online", 5, now)).toBe("Online");
  expect(statusWords("away", null, now)).toBe("Away");
  expect(statusWords("offline", null, now)).toBe("Offline");
  expect(words(now + 3_000)).toBe("Last seen just now");
  expect(words(now - 59_000)).toBe("Last seen just now");
  expect(words(now - 60_000)).toBe("Last seen 1 minute ago");
  expect(words(now - 5 * 60_000)).toBe("Last seen 5 minutes ago");
  expect(words(now - 3 * 3_600_000)).toBe("Last seen 3 hours ago");
  expect(words(new Date(2027, 2, 2, 14, 5))).toBe("Last seen yesterday at 14:05");
  expect(words(new Date(2027, 1, 27, 9, 30))).toBe("Last seen Saturday at 09:30");
  expect(words(new Date(2026, 11, 24, 9, 30))).toContain("24 December 2026");
});

it("a page that nobody touches for five minutes is left, and heard again at the first touch", () => {
  const did: string[] = [];
  let now = 0;
  const idle = new Idle(() => did.push(`hear ${now}`), () => did.push(`leave ${now}`), () => now);
  idle.act();
  for (now = 0; now < 4 * 60_000; now += 15_000) idle.look();
  idle.act();
  for (; now < 8 * 60_000; now += 15_000) idle.look();
  expect(did).toEqual(["hear 0"]);
  for (; now < 20 * 60_000; now += 15_000) idle.look();
  expect(did).toEqual(["hear 0", `leave ${9 * 60_000}`]);
  // However often it is touched, it is said once.
  for (let n = 0; n < 1_000; n += 1) idle.act();
  expect(did.length).toBe(3);
});
