import { describe, expect, it } from "vitest";
import type { Person } from "../../contract.ts";
import { banEnd, banWords, changesOf, deletionWords, forWhom, isBanned, linkOf, ROLES, ROLE_WORDS, undoOf, unguessable } from "./words.ts";

const ada: Person = { id: "usr_1", name: "Ada", email: "ada@example.com", role: "member", created_at_ms: 0, signed_in_at_ms: null, banned_until_ms: null, ban_reason: null };
/** For ever, as the server writes it. */
const FOR_EVER = 253_402_300_799_999;

describe("a ban", () => {
  it("for ever is said and sent as such, and not as a date", () => {
    expect(banWords(FOR_EVER)).toBe("for ever");
    expect(banEnd(FOR_EVER)).toBeNull();
    expect(isBanned({ ...ada, banned_until_ms: FOR_EVER }, Date.now())).toBe(true);
  });

  it("with an end names it, and is over from that millisecond on", () => {
    const end = new Date(2026, 10, 23, 8, 0, 0).getTime();
    expect(banWords(end)).toBe("until 2026-11-23 08:00:00");
    expect(banEnd(end)).toBe(end);
    const banned = { ...ada, banned_until_ms: end };
    expect([isBanned(banned, end - 1), isBanned(banned, end), isBanned(ada, 0)]).toEqual([true, false, false]);
  });
});

describe("a change of a person", () => {
  it("sends what differs and nothing else", () => {
    expect(changesOf(ada, " Ada ", "member")).toBeNull();
    expect(changesOf(ada, "Ada L.", "member")).toEqual({ name: "Ada L." });
    expect(changesOf(ada, "Ada", "admin")).toEqual({ role: "admin" });
  });

  it("is taken back by the same fields as they were", () => {
    const changes = changesOf(ada, "Eve", "admin");
    expect(undoOf(ada, changes ?? {})).toEqual({ name: "Ada", role: "member" });
    expect(undoOf(ada, { role: "admin" })).toEqual({ role: "member" });
  });

  it("has words for every role", () => {
    expect(ROLES.map((role) => role.value).toSorted()).toEqual(Object.keys(ROLE_WORDS).toSorted());
  });
});

it("makes whole links of this server's paths, whatever page one is on", () => {
  expect(linkOf("https://example.org:8443", "/join/a-b_c")).toBe("https://example.org:8443/join/a-b_c");
});

it("makes passwords of all the bytes that it is given", () => {
  expect(unguessable(new Uint8Array([0, 15, 16, 255]))).toBe("000f10ff");
});

it("says what a deletion leaves, and warns whoever deletes himself", () => {
  expect(deletionWords("Ada", false)).toContain("audit log");
  expect(deletionWords("Ada", false)).not.toContain("That is you");
  expect(deletionWords("Ada", true)).toContain("That is you");
});

it("names an invitation by its note, or by its number", () => {
  const one = { id: "7", role: "member" as const, note: "", maker: "admin", created_at_ms: 0, expires_at_ms: 0 };
  expect([forWhom(one), forWhom({ ...one, note: "Grace" })]).toEqual(["Invitation 7", "Grace"]);
});
