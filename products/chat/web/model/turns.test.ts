import { expect, it } from "vitest";
import { Turns } from "./turns";

it("lets so many at a time, the others in their order, and none twice", async () => {
  const turns = new Turns(2);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map(async (one) => {
    ends[one] = await turns.take();
    began.push(one);
  });
  await Promise.all(all.slice(0, 2));
  expect(began).toEqual([0, 1]);
  ends[0]?.();
  ends[0]?.();
  await all[2];
  await Promise.resolve();
  expect(began).toEqual([0, 1, 2]);
  ends[1]?.();
  await all[3];
  expect(began).toEqual([0, 1, 2, 3]);
});
