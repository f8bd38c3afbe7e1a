import { afterEach, describe, expect, it, vi } from "vitest";
import { type Home, type Page, chosen, lost, newsOf, noteOf, pushed, roomOf } from "./told";

const ROOM = "room_01jx";
const AT = "https://live.example.org";

const news = (over: object = {}): string =>
  JSON.stringify({ type: "message", room: ROOM, seq: 7, room_name: "Harbour", by: "usr_b", by_name: "Ben", content: "the **light** is out", file: null, at_ms: 5, mentions_you: false, ...over });

/** A window that answers what it is asked, or does not. */
class Window implements Page {
  heard: unknown[] = [];
  focusedNow = 0;
  constructor(readonly url: string, readonly visibilityState = "visible", readonly answer?: boolean, readonly focused = false, readonly stuck = false) {}
  focus(): Promise<void> {
    this.focusedNow += 1;
    return this.stuck ? Promise.reject(new Error("not allowed")) : Promise.resolve();
  }
  postMessage(message: unknown, transfer?: Transferable[]): void {
    this.heard.push(message);
    const port = transfer?.[0] as MessagePort | undefined;
    if (this.answer !== undefined) port?.postMessage(this.answer);
  }
}

class Device implements Home {
  windows: Window[] = [];
  notes: { title: string; options: NotificationOptions & { renotify?: boolean; timestamp?: number } }[] = [];
  opened: string[] = [];
  ended = 0;
  renewed = 0;
  session: string | null | undefined = "usr_a";
  owner: string | null = "usr_a";
  pages = async (): Promise<Window[]> => this.windows;
  shown = async (room?: string): Promise<{ data?: unknown; close(): void }[]> =>
    this.notes.filter((one) => room === undefined || one.options.tag === room).map(({ options }) => ({ data: options.data as unknown, close: () => {} }));
  show = async (title: string, options: NotificationOptions): Promise<void> => {
    this.notes = [...this.notes.filter((one) => one.options.tag !== options.tag), { title, options }];
  };
  open = async (path: string): Promise<void> => void this.opened.push(path);
  who = async (): Promise<string | null | undefined> => this.session;
  whose = async (): Promise<string | null> => this.owner;
  renew = async (): Promise<void> => void (this.renewed += 1);
  end = async (): Promise<void> => void (this.ended += 1);
}

afterEach(() => void vi.useRealTimers());

describe("what was pushed", () => {
  it("is read, or is no news", () => {
    expect(newsOf(news())).toMatchObject({ room: ROOM, seq: 7, by_name: "Ben", mentions_you: false });
    for (const other of [null, "", "{", "null", "[]", "7", news({ type: "call" }), news({ room: "../console" }), news({ room: 7 }), news({ seq: "7" }), news({ seq: 1.5 })]) {
      expect(newsOf(other), String(other)).toBeNull();
    }
    expect([newsOf(news())?.edited, newsOf(news({ type: "mention" }))?.edited]).toEqual([false, true]);
  });

  it("says who, where, and what, as text", () => {
    const note = (over: object): object => noteOf(newsOf(news(over))!);
    expect(note({})).toEqual({ title: "Harbour", body: "Ben: the light is out" });
    expect(note({ room_name: "" })).toEqual({ title: "Ben", body: "the light is out" });
    expect(note({ mentions_you: true })).toEqual({ title: "Ben mentions you in Harbour", body: "the light is out" });
    expect(note({ content: "", file: "audio" })).toEqual({ title: "Harbour", body: "Ben: Voice note" });
    expect(note({ content: "", room_name: "" })).toEqual({ title: "Ben", body: "A new message" });
    expect(note({ content: "", file: "hologram", room_name: "" })).toEqual({ title: "Ben", body: "File" });
    expect(note({ by_name: "", room_name: "" })).toMatchObject({ title: "Somebody" });
    expect(note({ type: "mention", mentions_you: true, room_name: "" })).toMatchObject({ title: "Ben mentions you" });
  });
});

describe("a notification", () => {
  it("is one a room, with the newest; told twice it makes no sound twice", async () => {
    const device = new Device();
    await pushed(device, news());
    await pushed(device, news({ room: "room_02", seq: 3 }));
    expect(device.notes.map((one) => one.options.tag)).toEqual([ROOM, "room_02"]);
    await pushed(device, news({ seq: 9, content: "and back" }));
    expect(device.notes.map(({ options: { tag, body, renotify } }) => [tag, body, renotify])).toEqual([["room_02", "Ben: the light is out", true], [ROOM, "Ben: and back", true]]);
    await pushed(device, news({ seq: 8, content: "late" }));
    expect(device.notes.at(-1)).toMatchObject({ options: { body: "Ben: and back" } });
    await pushed(device, news({ seq: 9, content: "and back" }));
    expect(device.notes.at(-1)?.options).toMatchObject({ silent: true, data: { room: ROOM, seq: 9 }, timestamp: 5 });
    expect(device.notes.at(-1)?.options.renotify).toBeUndefined();
  });

  it("is one of its own for a mention by an edit, whatever is shown of the room", async () => {
    const edit = (over: object = {}): string => news({ type: "mention", mentions_you: true, content: "the light is out, @Ada", ...over });
    for (const before of [news(), news({ seq: 9 })]) {
      const device = new Device();
      await pushed(device, before);
      await pushed(device, edit());
      expect(device.notes.map(({ options: { tag, renotify } }) => [tag, renotify])).toEqual([[ROOM, true], [`${ROOM} 7`, true]]);
      expect(device.notes[1]).toMatchObject({ title: "Ben mentions you in Harbour", options: { data: { room: ROOM, seq: 7, at: 7 } } });
      // Told twice it makes no sound twice; and what comes after it in the room is told as ever.
      await pushed(device, edit());
      expect(device.notes[1]?.options).toMatchObject({ tag: `${ROOM} 7`, silent: true });
      await pushed(device, news({ seq: 10 }));
      expect(device.notes.map((one) => one.options.tag)).toEqual([`${ROOM} 7`, ROOM]);
    }
    // The message was told after it was edited: the mention is shown already.
    const device = new Device();
    await pushed(device, news({ mentions_you: true }));
    await pushed(device, edit());
    expect(device.notes).toHaveLength(1);
  });

  it("is not shown to who looks at the room", async () => {
    for (const [window, shown] of [
      [new Window(`${AT}/chat/${ROOM}`, "visible", true), 0],
      // Where one is now counts, and not where the window began.
      [new Window(`${AT}/chat`, "visible", true), 0],
      [new Window(`${AT}/chat/${ROOM}`, "visible", false), 1],
      [new Window(`${AT}/chat/${ROOM}`, "hidden", true), 1],
      [new Window(`${AT}/console`, "visible", true), 1],
      [new Window(`${AT}/chatter`, "visible", true), 1],
      // One that does not answer is where it began.
      [new Window(`${AT}/chat/${ROOM}`), 0],
      [new Window(`${AT}/chat/room_02`), 1],
    ] as const) {
      const device = new Device();
      device.windows = [new Window(`${AT}/chat/room_03`, "hidden"), window];
      if (window.answer === undefined) vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const done = pushed(device, news());
      if (window.answer === undefined) await vi.advanceTimersByTimeAsync(500);
      await done;
      expect(device.notes.length, `${window.url} ${window.visibilityState} ${window.answer}`).toBe(shown);
    }
  });

  it("is for who wanted it, and for nobody who came after", async () => {
    for (const [owner, session, over] of [["usr_a", "usr_a", false], ["usr_a", undefined, false], ["usr_a", null, true], ["usr_a", "usr_b", true], [null, "usr_a", true], [null, undefined, true]] as const) {
      const device = new Device();
      [device.owner, device.session] = [owner, session];
      await pushed(device, news());
      expect([device.notes.length, device.ended], `${owner} ${session}`).toEqual(over ? [0, 1] : [1, 0]);
      const other = new Device();
      [other.owner, other.session] = [owner, session];
      await lost(other);
      expect([other.renewed, other.ended], `${owner} ${session}`).toEqual(over ? [0, 1] : session === undefined ? [0, 0] : [1, 0]);
    }
  });

  it("is shown for what a newer server says too, without its words", async () => {
    const device = new Device();
    await pushed(device, JSON.stringify({ type: "call", from: "secret words" }));
    expect(device.notes).toHaveLength(1);
    expect(JSON.stringify(device.notes)).not.toContain("secret");
  });
});

describe("a notification that was chosen", () => {
  it("goes to the room in the window that is there", async () => {
    const device = new Device();
    const [hidden, seen, elsewhere] = [new Window(`${AT}/chat`, "hidden"), new Window(`${AT}/chat/room_02`, "visible"), new Window(`${AT}/console`, "visible", undefined, true)];
    device.windows = [elsewhere, hidden, seen];
    await chosen(device, { room: ROOM, seq: 7 });
    expect([seen.focusedNow, seen.heard, hidden.focusedNow, elsewhere.focusedNow, device.opened]).toEqual([1, [{ type: "open", room: ROOM }], 0, 0, []]);
  });

  it("opens one where there is none, or none comes forward", async () => {
    const device = new Device();
    device.windows = [new Window(`${AT}/chat`, "visible", undefined, true, true)];
    await chosen(device, { room: ROOM, seq: 7 });
    await chosen(device, { room: "../console" });
    await chosen(device, null);
    await chosen(device, { room: ROOM, seq: 7, at: 7 });
    await chosen(device, { room: ROOM, seq: 7, at: "7&x" });
    expect(device.opened).toEqual([`/chat/${ROOM}`, "/chat", "/chat", `/chat/${ROOM}?at=7`, `/chat/${ROOM}`]);
  });

  it("goes to its message, where that is not the newest", async () => {
    const device = new Device();
    device.windows = [new Window(`${AT}/chat`)];
    await chosen(device, { room: ROOM, seq: 7, mentions_you: true, at: 7 });
    expect(device.windows[0]?.heard).toEqual([{ type: "open", room: ROOM, at: 7 }]);
  });

  it("knows rooms by their addresses", () => {
    expect([roomOf(`${AT}/chat/${ROOM}?at=4`), roomOf(`${AT}/chat/${ROOM}/`), roomOf(`${AT}/chat`), roomOf(`${AT}/x/chat/${ROOM}`)]).toEqual([ROOM, ROOM, null, null]);
  });
});
