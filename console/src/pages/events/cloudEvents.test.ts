import { expect, test } from "vitest";
import { cloudEventOf, freshId } from "./cloudEvents.ts";

const draft = { type: " partner.paid ", source: "/console", subject: " ", id: "1", data: '{"a":1}' };

test("a form becomes a CloudEvent", () => {
  expect(cloudEventOf(draft)).toEqual({ specversion: "1.0", type: "partner.paid", source: "/console", id: "1", datacontenttype: "application/json", data: { a: 1 } });
  expect(cloudEventOf({ ...draft, subject: "order/7" })).toHaveProperty("subject", "order/7");
});

test("an id is new each time", () => {
  expect(freshId()).toMatch(/^[0-9a-f]{32}$/);
  expect(freshId()).not.toBe(freshId());
});

test("what is no JSON is told before it is sent", () => {
  expect(cloudEventOf({ ...draft, data: "{" })).toHaveProperty("wrong");
});
