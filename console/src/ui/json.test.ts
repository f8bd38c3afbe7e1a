import { expect, it } from "vitest";
import { parsed, pieces } from "./json.ts";

it("cuts without losing a character", () => {
  const value = { "a\"b": "c\\\"</script>", list: [1, -2.5e10, true, false, null, []], nested: { "": {} }, "true": "null" };
  expect(pieces(value).map((piece) => piece.text).join("")).toBe(JSON.stringify(value, null, 2));
});

it("tells keys from texts and words from texts that look like words", () => {
  const kinds = pieces({ key: "true", other: true, n: -1.5 }).filter((piece) => piece.kind !== "mark");
  expect(kinds.map((piece) => [piece.kind, piece.text])).toEqual([
    ["key", '"key"'], ["text", '"true"'],
    ["key", '"other"'], ["word", "true"],
    ["key", '"n"'], ["number", "-1.5"],
  ]);
});

it("shows what is not JSON as it is", () => {
  expect(parsed("a=1&b=2")).toBeUndefined();
  expect(parsed("null")).toBeNull();
});
