import { expect, test } from "vitest";
import { describe, example } from "./schema.ts";

test("a value that fits, from what the schema says", () => {
  const schema = {
    description: "A `phrase`.",
    type: "object",
    required: ["mood", "n", "extra"],
    properties: {
      mood: { $ref: "#/$defs/Mood" },
      n: { type: "integer", minimum: 3 },
      at: { type: "string", format: "date-time" },
      notes: { type: "array", items: { type: ["number", "null"] } },
      maybe: { anyOf: [{ type: "null" }, { type: "boolean" }] },
    },
    $defs: { Mood: { oneOf: [{ const: "tension" }, { const: "growth" }] } },
  };
  expect(example(schema)).toEqual({ mood: "tension", n: 3, extra: "", at: "2026-01-01T00:00:00Z", notes: [0], maybe: false });
  expect(describe(schema)).toBe("A phrase.");
});

test("its own words come first", () => {
  expect(example({ type: "string", examples: ["hello"], default: "other" })).toBe("hello");
  expect(example({ type: "string", default: "other" })).toBe("other");
  expect(example({ enum: ["a", "b"] })).toBe("a");
  expect(example({ type: "string", minLength: 6 })).toHaveLength(6);
  expect(example({ allOf: [{ type: "object", properties: { a: { const: 1 } } }, { type: "object", properties: { b: { const: 2 } } }] })).toEqual({ a: 1, b: 2 });
});

test("what says nothing is an empty object, and what refers to itself ends", () => {
  expect(example({ type: "object" })).toEqual({});
  expect(example(true)).toBeNull();
  const chain = { type: "object", properties: { next: { $ref: "#" } } };
  expect(() => JSON.stringify(example(chain))).not.toThrow();
  expect(example({ $ref: "#/$defs/Gone" })).toBeNull();
});
