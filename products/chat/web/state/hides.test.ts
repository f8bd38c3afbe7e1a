import { expect, it, vi } from "vitest";
import type { Notice } from "../contract";

const world = vi.hoisted(() => ({
  tell: (_: object): void => {},
  miss: (): void => {},
  answers: [] as ((items: number[]) => void)[],
  refuse: null as Error | null,
  asked: [] as string[],
}));
vi.mock("./net.svelte", () => ({ net: { onBack: () => () => {} } }));
vi.mock("./rooms.svelte", () => ({
  rooms: {
    onNotice: (tell: (notice: object) => void) => ((world.tell = tell), () => {}),
    onMissed: (tell: () => void) => ((world.miss = tell), () => {}),
  },
}));
vi.mock("./server", () => {
  const does = (what: string) => (_: string, seq: number) => (world.asked.push(`${what} ${seq}`), world.refuse ? Promise.reject(world.refuse) : Promise.resolve());
  return {
    mayHelp: () => false,
    wordsOf: (failure: Error) => failure.message,
    server: { hidden: () => new Promise((done) => world.answers.push((items) => done({ items }))), hide: does("hide"), unhide: does("unhide") },
  };
});

const { Hides } = await import("./hides.svelte");
const notice = (seq: number, on: boolean, room = "r"): Notice => ({ type: "hidden", room, seq, on, read: 0, unread: 0, mentions: 0, last_message: null });
const answer = async (items: number[]): Promise<void> => {
  world.answers.shift()?.(items);
  await Promise.resolve();
  await Promise.resolve();
};

it("what is told while it is read is not lost by an older answer", async () => {
  const hides = new Hides("r", () => {});
  const read = hides.read();
  world.tell(notice(7, true));
  expect([...hides.all]).toEqual([7]);
  await answer([3]);
  // The answer was from before: it is asked for again.
  await answer([3, 7]);
  await read;
  expect([...hides.all]).toEqual([3, 7]);
  world.tell(notice(3, false));
  world.tell(notice(9, true, "another"));
  expect([...hides.all]).toEqual([7]);
  // Whoever was away reads it anew.
  world.miss();
  await answer([7, 8]);
  expect([...hides.all]).toEqual([7, 8]);
});

it("what is hidden here is hidden at once, and comes back where the server will not or the person thinks better of it", async () => {
  const changed: string[] = [];
  const hides = new Hides("r", (seq, on) => changed.push(`${seq} ${on}`));
  const done = hides.put(5, true);
  expect(hides.all.has(5)).toBe(true);
  expect(await done).toBe("");
  expect(await hides.put(5, false)).toBe("");
  expect(hides.all.has(5)).toBe(false);
  world.refuse = new Error("as many as one may");
  expect(await hides.put(6, true)).toBe("as many as one may");
  expect(hides.all.has(6)).toBe(false);
  expect(world.asked).toEqual(["hide 5", "unhide 5", "hide 6"]);
  expect(changed.at(-1)).toBe("6 false");
});
