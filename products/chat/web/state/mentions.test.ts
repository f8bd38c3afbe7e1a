import { expect, it, vi } from "vitest";
import type { Message, Notice } from "../contract";

interface Asked { limit: number; before: string | null; answer: (seqs: number[], next: string | null) => Promise<void> }
const world = vi.hoisted(() => ({ tell: (_: object): void => {}, asked: [] as Asked[] }));
vi.mock("./net.svelte", () => ({ net: { onBack: () => () => {} } }));
vi.mock("./people.svelte", () => ({ learn: () => {} }));
vi.mock("./rooms.svelte", () => ({ rooms: { onNotice: (tell: (notice: object) => void) => ((world.tell = tell), () => {}), onMissed: () => () => {} } }));
vi.mock("./server", () => ({
  mayHelp: () => false,
  wordsOf: (failure: Error) => failure.message,
  server: {
    mentions: (limit: number, before: string | null) =>
      new Promise((done) => {
        const answer = async (seqs: number[], next: string | null): Promise<void> => {
          done({ items: seqs.map(message), next, people: [] });
          for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        };
        world.asked.push({ limit, before, answer });
      }),
  },
}));

const message = (seq: number): Message => ({
  room: "r", seq, sender: "usr_eve", client_id: `c${seq}`, content: "@me", at_ms: seq, edited_at_ms: null, deleted: false, mentions: ["usr_me"], reply: null,
});
const last = (seq: number) => ({ seq, sender: "usr_eve", content: "", at_ms: seq, deleted: false });
const came = (seq: number, mentions_you: boolean): Notice => ({ type: "message", room: "r", seq, by: "usr_eve", mentions_you, last_message: last(seq) });
const range = (from: number, to: number): number[] => Array.from({ length: from - to + 1 }, (_, at) => from - at);
const { Mentions } = await import("./mentions.svelte");
const next = (): Asked => world.asked.shift() as Asked;

it("comes in pages, and what comes or goes meanwhile is in it", async () => {
  const mentions = new Mentions();
  expect(mentions.loaded).toBe(false);
  await next().answer(range(90, 61), "61");
  expect([mentions.items.length, mentions.next]).toEqual([30, "61"]);
  const older = mentions.older();
  await mentions.older();
  expect(world.asked.length).toBe(1);
  expect(world.asked[0]).toMatchObject({ limit: 30, before: "61" });
  await next().answer(range(60, 31), "31");
  await older;
  expect(mentions.items.map((one) => one.seq)).toEqual(range(90, 31));

  world.tell(came(91, false));
  world.tell({ type: "last", room: "r", last_message: last(91) });
  expect(world.asked.length).toBe(0);
  world.tell(came(92, true));
  const again = next();
  expect(again.limit).toBe(60);
  // Deleted for this person: gone before anybody answers.
  world.tell({ type: "hidden", room: "r", seq: 80, on: true, read: 0, unread: 0, mentions: 0, last_message: null });
  expect(mentions.items.some((one) => one.seq === 80)).toBe(false);
  await again.answer(range(92, 33), "33");
  // That answer may be from before: it is read once more.
  await next().answer(range(92, 32).filter((seq) => seq !== 80), "32");
  expect(mentions.items.some((one) => one.seq === 80)).toBe(false);
  mentions.stop();
});

it("a page that was asked for before it was read anew is not put behind it", async () => {
  const mentions = new Mentions();
  await next().answer(range(60, 31), "31");
  const older = mentions.older();
  world.tell(came(61, true));
  const [page, anew] = [next(), next()];
  await anew.answer(range(61, 32), "32");
  await page.answer(range(30, 1), null);
  await older;
  expect([mentions.items.at(-1)?.seq, mentions.next]).toEqual([32, "32"]);
  mentions.stop();
});
