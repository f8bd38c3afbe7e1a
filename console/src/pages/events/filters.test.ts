import { expect, test } from "vitest";
import { belongs, filtersOf, wants } from "./filters.ts";

const none = filtersOf(new URLSearchParams());
const row = { type: "github.push", source: "/in/github", subject: "octocat/hello", id: "1", time_ms: 1000 };

test("a pattern wants a type, a family, or all", () => {
  expect(wants("github.*", "github.push")).toBe(true);
  expect(wants("github.*", "github")).toBe(false);
  expect(wants("github.*", "githubby.push")).toBe(false);
  expect(wants("github.push", "github.pushed")).toBe(false);
  expect(wants("*", "anything")).toBe(true);
  expect(wants("git*", "github.push")).toBe(false);
});

test("every filter that is set must hold", () => {
  expect(belongs(none, row)).toBe(true);
  expect(belongs({ ...none, type: "github.*", source: "/in/github", subject: "octocat/hello", id: "1" }, row)).toBe(true);
  for (const wrong of [{ type: "radio.*" }, { source: "/in" }, { subject: "octocat" }, { id: "2" }, { from: "1001" }, { until: "1000" }]) {
    expect(belongs({ ...none, ...wrong }, row)).toBe(false);
  }
  expect(belongs({ ...none, from: "1000", until: "1001" }, row)).toBe(true);
});

test("filters are read from the address, empty ones as none", () => {
  expect(filtersOf(new URLSearchParams("type=a&subject=&other=1"))).toEqual({ ...none, type: "a" });
});
