import { expect, test } from "vitest";
import { agoField, fromAddress, fromField, toField } from "./times.ts";

test("a time goes into a field and comes out the same", () => {
  for (const ms of [Date.UTC(2026, 10, 21, 9, 30), Date.UTC(2026, 2, 29, 1, 30, 5)]) expect(fromField(toField(ms))).toBe(ms);
  expect(toField(new Date(2026, 0, 2, 3, 4).getTime())).toBe("2026-01-02T03:04");
});

test("an hour ago is a whole minute", () => {
  expect(agoField(3_600_000, new Date(2026, 10, 21, 9, 30, 59).getTime())).toBe("2026-11-21T08:30");
});

test("half a time is none", () => {
  expect(fromField("")).toBeNull();
  expect(fromField("2026-11-")).toBeNull();
});

test("an address says a time in either way", () => {
  expect(fromAddress("2026-11-21T09:30:00Z")).toBe(Date.UTC(2026, 10, 21, 9, 30));
  expect(fromAddress("1795254540623")).toBe(1795254540623);
  expect(fromAddress("yesterday")).toBeNull();
  expect(fromAddress(null)).toBeNull();
});
