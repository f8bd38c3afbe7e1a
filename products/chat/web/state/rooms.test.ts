import { expect, it, vi } from "vitest";
import type { Line, Notice } from "../contract";

const world = vi.hoisted(() => ({
  tell: (_: object): void => {},
  lists: [] as ((lines: object[]) => void)[],
  rooms: [] as string[],
  now: {} as object,
}));
vi.mock("@console/shared/live", () => ({
  follow: (_: string, listener: { publication: (notice: object) => void }) => (world.tell = listener.publication),
  live: () => ({ getSubscription: () => undefined }),
}));
vi.mock("./doing.svelte", () => ({ doing: {} }));
vi.mock("./net.svelte", () => ({ net: { onBack: () => () => {} } }));
vi.mock("./people.svelte", () => ({ changeFace: () => {}, isKnown: () => true, learn: () => {}, nameOf: String, showFace: () => {} }));
vi.mock("./place.svelte", () => ({ place: { room: null } }));
vi.mock("./session.svelte", () => ({ who: { me: { id: "usr_me" } } }));
vi.mock("./server", () => ({
  mayHelp: () => false,
  wordsOf: String,
  server: {
    // The archived ones are none.
    rooms: (archived: boolean) => new Promise((done) => (archived ? done({ items: [], next: null }) : world.lists.push((items) => done({ items, next: null })))),
    room: (room: string) => (world.rooms.push(room), Promise.resolve(world.now)),
    face: () => Promise.resolve({ avatar: null }),
    receive: () => Promise.resolve(),
  },
}));

const { rooms } = await import("./rooms.svelte");
const line = (room: string, unread: number): Line => ({
  room, direct: false, name: room, description: "", top: unread, made_by: "usr_eve", made_at_ms: 0, last_at_ms: unread, role: "member", unread, mentions: 0,
  read: 0, muted_until_ms: 0, archived: false, other: null,
  last_message: { seq: unread, sender: "usr_eve", content: `said ${unread}`, at_ms: unread, deleted: false },
});
const came = (room: string, seq: number): Notice => ({
  type: "message", room, seq, by: "usr_eve", mentions_you: false,
  last_message: { seq, sender: "usr_eve", content: `said ${seq}`, at_ms: seq, deleted: false },
});
const answer = async (lines: Line[]): Promise<void> => {
  await vi.waitFor(() => expect(world.lists).toHaveLength(1));
  world.lists.splice(0)[0]?.(lines);
};

it("is what was told last, though an older reading of it comes later", async () => {
  rooms.begin();
  await answer([line("a", 1), line("b", 1)]);
  await vi.waitFor(() => expect(rooms.loaded).toBe(true));
  rooms.read();
  await vi.waitFor(() => expect(world.lists).toHaveLength(1));
  world.tell(came("a", 2));
  expect(rooms.line("a")?.unread).toBe(2);
  world.now = { ...line("a", 2), members: [], people: [], gone: [] };
  // Read before the second message, and answered after it; and a room that is on two pages, because it was put away between them.
  await answer([line("a", 1), line("b", 1), line("b", 1)]);
  await vi.waitFor(() => expect(world.rooms).toEqual(["a"]));
  await vi.waitFor(() => expect(rooms.line("a")).toMatchObject({ unread: 2, last_message: { seq: 2 } }));
  expect(rooms.all.map((one) => one.room)).toEqual(["a", "b"]);
});
