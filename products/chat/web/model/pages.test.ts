import { expect, it } from "vitest";
import { allOf } from "./pages";

it("reads a list to its end, or as far as it may", async () => {
  const asked: (string | undefined)[] = [];
  const page = async (before?: string) => {
    asked.push(before);
    const from = Number(before ?? 0);
    return { items: [from, from + 1], next: from < 6 ? String(from + 2) : null };
  };
  expect(await allOf(page, 100)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(asked).toEqual([undefined, "2", "4", "6"]);
  expect(await allOf(page, 3)).toEqual([0, 1, 2, 3]);
});
