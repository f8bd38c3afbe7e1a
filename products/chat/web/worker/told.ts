// What the worker does when it is woken, over what a browser gives it. It keeps and logs nothing of what people wrote.

import { fileWords } from "../model/lines";
import { plain } from "../model/markup";

/** What is pushed, in full in the server's `notify/push.rs`. */
export interface News {
  room: string;
  seq: number;
  /** Empty in a direct room. */
  room_name: string;
  by_name: string;
  /** Empty when there are no words, or too many. */
  content: string;
  file: string | null;
  at_ms: number;
  mentions_you: boolean;
  /** It mentions its reader since it was edited: it was there before, and may have been told then. */
  edited: boolean;
}

export interface Note {
  title: string;
  body: string;
}

/** A window of ours. */
export interface Page {
  readonly url: string;
  readonly visibilityState: string;
  readonly focused: boolean;
  focus(): Promise<unknown>;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

/** What lies under a notification. */
export interface Under {
  room: string;
  seq: number;
  mentions_you: boolean;
  /** The message is gone to, and not the room alone: it may stand far above what is new. */
  at?: number;
}

/** What the worker stands on. */
export interface Home {
  pages(): Promise<readonly Page[]>;
  /** What is shown under a tag, or all. */
  shown(tag?: string): Promise<readonly { data?: unknown; close(): void }[]>;
  show(title: string, options: NotificationOptions & { renotify?: boolean; timestamp?: number }): Promise<void>;
  open(path: string): Promise<unknown>;
  /** Whose session the browser has: nobody's is null, not known is undefined. */
  who(): Promise<string | null | undefined>;
  /** Who wanted to be told here. */
  whose(): Promise<string | null>;
  /** Begins a subscription in the place of one that ended, and tells the server. */
  renew(): Promise<void>;
  /** Nobody is told here any more. */
  end(): Promise<void>;
}

/** A page that is asked what it shows answers within this, or not at all, milliseconds. */
const ANSWER_MS = 500;
const ROOM = /^[a-z]+_[0-9a-z]+$/i;

/** What was pushed; null for what is no news of a message. */
export function newsOf(text: string | null): News | null {
  let it: unknown;
  try {
    it = JSON.parse(text ?? "");
  } catch {
    return null;
  }
  if (typeof it !== "object" || it === null) return null;
  const of = it as Record<string, unknown>;
  const words = (value: unknown): string => (typeof value === "string" ? value : "");
  const { room, seq } = of;
  const edited = of.type === "mention";
  if ((of.type !== "message" && !edited) || typeof room !== "string" || !ROOM.test(room) || !Number.isSafeInteger(seq)) return null;
  return {
    room, seq: seq as number, room_name: words(of.room_name), by_name: words(of.by_name), content: words(of.content),
    file: typeof of.file === "string" ? of.file : null, at_ms: typeof of.at_ms === "number" ? of.at_ms : 0,
    mentions_you: of.mentions_you === true, edited,
  };
}

/** Who says what, and where. It is text: a notification takes no markup. */
export function noteOf(news: News): Note {
  const by = news.by_name || "Somebody";
  const said = plain(news.content) || fileWords(news.file) || "A new message";
  if (news.room_name === "") return { title: news.edited ? `${by} mentions you` : by, body: said };
  if (news.mentions_you) return { title: `${by} mentions you in ${news.room_name}`, body: said };
  return { title: news.room_name, body: `${by}: ${said}` };
}

/** The room that a window was opened with; not every browser says where it went since. */
export function roomOf(url: string): string | null {
  return /^\/chat\/([^/]+)\/?$/.exec(new URL(url).pathname)?.[1] ?? null;
}

function isChat(page: Page): boolean {
  return /^\/chat(\/|$)/.test(new URL(page.url).pathname);
}

/** Whether a window that somebody looks at shows this room. */
async function looksAt(page: Page, room: string): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      port1.onmessage = (event: MessageEvent) => resolve(event.data === true);
      late = setTimeout(() => resolve(roomOf(page.url) === room), ANSWER_MS);
      page.postMessage({ type: "looks", room }, [port2]);
    });
  } finally {
    clearTimeout(late);
    port1.close();
  }
}

async function isSeen(home: Home, room: string): Promise<boolean> {
  const inSight = (await home.pages()).filter((page) => page.visibilityState === "visible" && isChat(page));
  return (await Promise.all(inSight.map((page) => looksAt(page, room)))).some(Boolean);
}

/** Whether who wanted to be told is not who is here. Where nobody can say, it is taken that nothing changed. */
async function isOver(home: Home): Promise<boolean> {
  const [whose, who] = await Promise.all([home.whose(), home.who()]);
  return whose === null || (who !== undefined && who !== whose);
}

function under(shown: { data?: unknown }): number {
  const seq = (shown.data as Partial<Under> | null | undefined)?.seq;
  return typeof seq === "number" ? seq : 0;
}

/**
 * What an edit says has a notice of its own: the one of the room has told its message already, or a newer one. Where that one was shown
 * after the edit, with the mention, there is nothing more to tell.
 */
async function mentioned(home: Home, news: News): Promise<void> {
  const { room, seq } = news;
  const told = (await home.shown(room)).some((one) => under(one) === seq && (one.data as Partial<Under>).mentions_you === true);
  if (told) return;
  const { title, body } = noteOf(news);
  const data: Under = { room, seq, mentions_you: true, at: seq };
  const tag = `${room} ${seq}`;
  const sound = (await home.shown(tag)).length > 0 ? { silent: true } : { renotify: true };
  await home.show(title, { body, tag, data, timestamp: news.at_ms, ...sound });
}

/** Something was pushed. */
export async function pushed(home: Home, text: string | null): Promise<void> {
  if (await isOver(home)) return home.end();
  const news = newsOf(text);
  // A newer server may push what this worker does not know; a browser wants something shown.
  if (!news) return home.show("Chat", { tag: "chat", body: "There is something new." });
  if (await isSeen(home, news.room)) return;
  if (news.edited) return mentioned(home, news);
  const before = Math.max(0, ...(await home.shown(news.room)).map(under));
  if (before > news.seq) return;
  const { title, body } = noteOf(news);
  const data: Under = { room: news.room, seq: news.seq, mentions_you: news.mentions_you };
  // Told twice is told once: it is laid over itself, without a sound.
  const sound = before === news.seq ? { silent: true } : { renotify: true };
  await home.show(title, { body, tag: news.room, data, timestamp: news.at_ms, ...sound });
}

/** A notification was chosen: to its room, or its message there, in the window that is there. */
export async function chosen(home: Home, data: unknown): Promise<void> {
  const { room: of, at: seq } = (data ?? {}) as Partial<Under>;
  const room = typeof of === "string" && ROOM.test(of) ? of : null;
  const at = Number.isSafeInteger(seq) ? { at: seq } : {};
  const rank = (page: Page): number => (page.focused ? 2 : page.visibilityState === "visible" ? 1 : 0);
  const pages = (await home.pages()).filter(isChat).sort((a, b) => rank(b) - rank(a));
  for (const page of pages) {
    try {
      await page.focus();
    } catch {
      // This one is going, or the browser lets nobody bring it forward.
      continue;
    }
    if (room) page.postMessage({ type: "open", room, ...at });
    return;
  }
  await home.open(room ? `/chat/${room}${"at" in at ? `?at=${at.at}` : ""}` : "/chat");
}

/** The browser ended the subscription by itself. */
export async function lost(home: Home): Promise<void> {
  if (await isOver(home)) return home.end();
  // Who is here could not be asked: the page begins it anew when it is opened.
  if ((await home.who()) === undefined) return;
  await home.renew();
}
