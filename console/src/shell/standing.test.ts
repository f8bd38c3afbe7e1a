import { expect, it } from "vitest";
import type { Person } from "../contract.ts";
import { signInLink, standingOf, whoWords } from "./standing.ts";

const ada: Person = { id: "usr_1", name: "Ada", email: "ada@example.com", role: "member", created_at_ms: 0, signed_in_at_ms: 0, banned_until_ms: null, ban_reason: null };

it("lets administrators in, by a link and by an account, and nobody else", () => {
  expect(standingOf({ role: "admin", person: null })).toBe("in");
  expect(standingOf({ role: "admin", person: { ...ada, role: "admin" } })).toBe("in");
  expect(standingOf({ role: "member", person: ada })).toBe("member");
});

it("names who is signed in", () => {
  expect(whoWords({ role: "admin", person: null })).toBe("Administrator");
  expect(whoWords({ role: "member", person: ada })).toBe("Ada");
});

it("leads back to the page that was asked for, with its filters and as one value", () => {
  const link = new URL(signInLink("/console/jobs?state=discarded&queue=a%26b"), "https://example.org");
  expect([link.pathname, [...link.searchParams.keys()]]).toEqual(["/sign-in", ["next"]]);
  expect(link.searchParams.get("next")).toBe("/console/jobs?state=discarded&queue=a%26b");
});
