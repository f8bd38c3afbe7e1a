import { expect, it, vi } from "vitest";
import type { Standing } from "../contract";

const world = vi.hoisted(() => ({
  tell: (_: object): void => {},
  listens: (): void => {},
  answers: [] as ((now: object) => void)[],
  me: { role: "member" },
}));
vi.mock("@console/shared/live", () => ({
  follow(_: string, on: { publication: (now: object) => void; subscribed: () => void }) {
    [world.tell, world.listens] = [on.publication, on.subscribed];
  },
}));
vi.mock("./net.svelte", () => ({ net: { onBack: () => () => {} } }));
vi.mock("./session.svelte", () => ({ who: world }));
vi.mock("./server", () => ({ mayHelp: () => false, server: { standing: () => new Promise((done) => world.answers.push(done)) } }));

const { standing } = await import("./standing.svelte");
const now = (maintenance: boolean): Standing => ({ maintenance, notifications: true, max_members: 100, max_message_chars: 2000 });
const answer = async (is: Standing): Promise<void> => {
  await vi.waitFor(() => expect(world.answers.length).toBeGreaterThan(0));
  world.answers.shift()?.(is);
};

it("shuts and opens by what is told, and tells who waits once", async () => {
  const open = vi.fn();
  standing.onOpen(open);
  standing.begin();
  await answer(now(false));
  await vi.waitFor(() => expect(standing.now).not.toBeNull());
  expect([standing.shut, standing.words]).toEqual([false, ""]);
  world.tell(now(true));
  expect(standing.shut).toBe(true);
  expect(standing.words).toContain("what you write is kept");
  world.tell(now(true));
  expect(open).not.toHaveBeenCalled();
  world.tell(now(false));
  world.tell(now(false));
  expect([standing.shut, open.mock.calls.length, standing.changes]).toEqual([false, 1, 4]);
});

it("reads again after a gap, and an older answer does not stay", async () => {
  world.listens();
  await vi.waitFor(() => expect(world.answers).toHaveLength(1));
  world.tell(now(true));
  await answer(now(false));
  await answer(now(true));
  await vi.waitFor(() => expect(standing.shut).toBe(true));
  expect(world.answers).toHaveLength(0);
});

it("never shuts an administrator out, and says that it is on", () => {
  world.me.role = "admin";
  expect([standing.shut, standing.now?.maintenance]).toEqual([false, true]);
  expect(standing.words).toContain("only administrators write");
  world.me.role = "member";
});
