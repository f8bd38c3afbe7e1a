// The list of rooms: read once, kept by what the person's own channel tells.

import { ApiError } from "@console/shared/api";
import { follow, live } from "@console/shared/live";
import type { FaceNotice, Line, Notice, Whole } from "../contract";
import * as lines from "../model/lines";
import { allOf } from "../model/pages";
import { Until } from "../model/until";
import { doing } from "./doing.svelte";
import { net } from "./net.svelte";
import { changeFace, isKnown, learn, nameOf, showFace } from "./people.svelte";
import { place } from "./place.svelte";
import { mayHelp, server, wordsOf } from "./server";
import { who } from "./session.svelte";

/** Rooms of a list, present or archived. */
const MOST = 1_000;
/** Several notices of a room within this are one reading of it, milliseconds. */
const TOGETHER_MS = 120;

class Rooms {
  all = $state.raw<Line[]>([]);
  sieve = $state<lines.Sieve>("all");
  loaded = $state(false);
  why = $state("");
  /** Rooms that this page asked to be let out of. */
  readonly leaving = new Set<string>();
  #stale = new Map<string, ReturnType<typeof setTimeout>>();
  #delivered = new Map<string, number>();
  #telling: ReturnType<typeof setTimeout> | undefined;
  #heard = new Set<(notice: Notice) => void>();
  #missed = new Set<() => void>();
  /** How often a room was told of. */
  #told = new Map<string, number>();
  #list = new Until(() => this.#read(), (failure) => this.#failed(failure));
  #single = new Until(() => this.#readStale(), mayHelp);
  #receipts = new Until(() => this.#receive(), mayHelp);
  #unread = new Set<string>();

  shown = $derived(lines.shown(this.all, this.sieve));
  /** Messages that mention this person and are not read yet. */
  mentions = $derived(this.all.reduce((sum, line) => sum + line.mentions, 0));
  calling = $derived(lines.calling(this.all, Date.now()));

  begin(): void {
    const channel = `chat_me:${who.me.id}`;
    follow<Notice | FaceNotice>(channel, {
      publication: (notice) => (notice.type === "person" ? changeFace(notice.person, notice.avatar) : this.#take(notice)),
      refused: () => void this.#deaf(),
    });
    // Whatever was told before, or while nobody listened, is in the list alone.
    live().getSubscription(channel)?.on("subscribed", ({ wasRecovering, recovered }) => {
      if (wasRecovering && recovered) return;
      this.read();
      for (const tell of this.#missed) tell();
    });
    net.onBack(() => [this.#list, this.#single, this.#receipts].forEach((one) => one.now()));
    this.read();
  }

  read(): void {
    this.#list.want();
  }

  /** The channel is not ours: somebody else's session, or one that is over. */
  async #deaf(): Promise<void> {
    await who.look();
    if (who.stage === "in") doing.say("This page is not told of new messages any more. Reload it.");
  }

  #failed(failure: unknown): boolean {
    this.why = failure === null ? "" : wordsOf(failure);
    return mayHelp(failure);
  }

  /** A reading begins. What is told of a room meanwhile is newer than what it brings: settled, such a room is read again. */
  reading(): (rooms: Iterable<string>) => void {
    const before = new Map(this.#told);
    return (rooms) => {
      for (const room of rooms) if (this.#told.get(room) !== before.get(room)) this.#again(room);
    };
  }

  async #read(): Promise<void> {
    const settled = this.reading();
    const list = (archived: boolean): Promise<Line[]> =>
      allOf(async (before) => {
        const page = await server.rooms(archived, before);
        learn(page.people, page.whereabouts);
        return page;
      }, MOST);
    // One that was put away between two pages is on both lists.
    const [present, archived, own] = await Promise.all([list(false), list(true), server.face()]);
    this.all = lines.withLines([], [...present, ...archived]);
    for (const line of this.all) showFace(line.room, line.avatar);
    showFace(who.me.id, own.avatar);
    this.loaded = true;
    settled(this.#told.keys());
    for (const line of this.all) if (line.last_message && line.unread > 0) this.#deliver(line.room, line.last_message.seq);
  }

  line(room: string): Line | undefined {
    return this.all.find((line) => line.room === room);
  }

  title(line: Line): string {
    return line.direct ? nameOf(line.other) : line.name;
  }

  put(whole: Whole): void {
    learn(whole.people, whole.whereabouts);
    const { members: _, gone: __, people: ___, whereabouts: ____, ...line } = whole;
    this.all = lines.withLines(this.all, [line]);
    showFace(line.room, line.avatar);
  }

  readUpTo(room: string, seq: number): void {
    this.all = lines.readUpTo(this.all, room, seq);
  }

  /** Every notice, for who looks at a room. Answers how to stop. */
  onNotice(tell: (notice: Notice) => void): () => void {
    this.#heard.add(tell);
    return () => this.#heard.delete(tell);
  }

  /** Calls whenever notices may have been missed. Answers how to stop. */
  onMissed(tell: () => void): () => void {
    this.#missed.add(tell);
    return () => this.#missed.delete(tell);
  }

  #take(notice: Notice): void {
    this.#told.set(notice.room, (this.#told.get(notice.room) ?? 0) + 1);
    const gone = this.line(notice.room);
    const { lines: all, reread } = lines.noticed(this.all, notice, who.me.id);
    this.all = all;
    const speaker = "last_message" in notice ? notice.last_message?.sender : undefined;
    // What somebody is called whom nobody here knows, the room says.
    if (reread || (speaker && !isKnown(speaker))) this.#again(notice.room);
    if (notice.type === "message" && notice.by !== who.me.id) this.#deliver(notice.room, notice.seq);
    if (notice.type === "left") this.#left(notice.room, gone);
    for (const tell of this.#heard) tell(notice);
  }

  /** Whoever looks at a room that is closed to them is told why it goes from under their eyes, unless they asked for it. */
  #left(room: string, line: Line | undefined): void {
    const asked = this.leaving.delete(room);
    if (place.room !== room) return;
    if (line && !line.direct && !asked) doing.say(`You are not in “${line.name}” any more: you were taken out, or it was deleted.`);
    place.back();
  }

  #again(room: string): void {
    if (this.#stale.has(room)) return;
    const read = (): void => {
      this.#stale.delete(room);
      this.#unread.add(room);
      this.#single.want();
    };
    this.#stale.set(room, setTimeout(read, TOGETHER_MS));
  }

  async #readStale(): Promise<void> {
    for (const room of [...this.#unread]) {
      this.#unread.delete(room);
      const settled = this.reading();
      try {
        this.put(await server.room(room));
        settled([room]);
      } catch (failure) {
        if (failure instanceof ApiError && failure.status === 404) this.all = lines.without(this.all, room);
        else if (mayHelp(failure)) {
          this.#unread.add(room);
          throw failure;
        }
      }
    }
  }

  /** It has come to this person, read or not. */
  #deliver(room: string, seq: number): void {
    this.#delivered.set(room, Math.max(this.#delivered.get(room) ?? 0, seq));
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#receipts.want();
    }, 300);
  }

  async #receive(): Promise<void> {
    for (const [room, delivered] of [...this.#delivered]) {
      try {
        await server.receive(room, { delivered });
      } catch (failure) {
        if (mayHelp(failure)) throw failure;
      }
      if (this.#delivered.get(room) === delivered) this.#delivered.delete(room);
    }
  }
}

export const rooms = new Rooms();
