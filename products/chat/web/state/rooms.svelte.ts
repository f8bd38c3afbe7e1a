// The list of rooms: read once, kept by what the person's own channel tells.

import { ApiError } from "@console/shared/api";
import { follow } from "@console/shared/live";
import type { Line, Notice, Whole } from "../contract";
import * as lines from "../model/lines";
import { learn, nameOf } from "./people.svelte";
import { place } from "./place.svelte";
import { server, wordsOf } from "./server";
import { who } from "./session.svelte";

/** Several notices of a room within this are one reading of it, milliseconds. */
const TOGETHER_MS = 120;

class Rooms {
  all = $state.raw<Line[]>([]);
  sieve = $state<lines.Sieve>("all");
  loaded = $state(false);
  why = $state("");
  #stale = new Map<string, ReturnType<typeof setTimeout>>();
  #delivered = new Map<string, number>();
  #heard = new Set<(notice: Notice) => void>();

  shown = $derived(lines.shown(this.all, this.sieve));
  calling = $derived(lines.calling(this.all, Date.now()));

  begin(): void {
    follow<Notice>(`chat_me:${who.me.id}`, {
      publication: (notice) => this.#take(notice),
      subscribed: (gap) => {
        if (gap && this.loaded) void this.read();
      },
    });
    void this.read();
  }

  async read(): Promise<void> {
    try {
      const [present, archived] = await Promise.all([server.rooms(false), server.rooms(true)]);
      learn([...present.people, ...archived.people]);
      let all = [...present.items, ...archived.items];
      for (let next = present.next; next && all.length < 1_000; ) {
        const page = await server.rooms(false, next);
        learn(page.people);
        all = [...all, ...page.items];
        next = page.next;
      }
      this.all = lines.sorted(all);
      this.loaded = true;
      this.why = "";
      for (const line of this.all) if (line.last_message && line.unread > 0) this.#deliver(line.room, line.last_message.seq);
    } catch (failure) {
      this.why = wordsOf(failure);
    }
  }

  line(room: string): Line | undefined {
    return this.all.find((line) => line.room === room);
  }

  title(line: Line): string {
    return line.direct ? nameOf(line.other) : line.name;
  }

  put(whole: Whole): void {
    learn(whole.people);
    const { members: _, people: __, ...line } = whole;
    this.all = lines.withLines(this.all, [line]);
  }

  readUpTo(room: string, seq: number): void {
    this.all = lines.readUpTo(this.all, room, seq);
  }

  /** Every notice, for who looks at a room. Answers how to stop. */
  onNotice(tell: (notice: Notice) => void): () => void {
    this.#heard.add(tell);
    return () => this.#heard.delete(tell);
  }

  #take(notice: Notice): void {
    const { lines: all, reread } = lines.noticed(this.all, notice, who.me.id, Date.now());
    this.all = all;
    if (reread) this.#again(reread);
    if (notice.type === "message" && notice.by !== who.me.id) this.#deliver(notice.room, notice.seq);
    if (notice.type === "left" && place.room === notice.room) place.back();
    for (const tell of this.#heard) tell(notice);
  }

  #again(room: string): void {
    if (this.#stale.has(room)) return;
    const read = async (): Promise<void> => {
      this.#stale.delete(room);
      try {
        this.put(await server.room(room));
      } catch (failure) {
        if (failure instanceof ApiError && failure.status === 404) this.all = lines.without(this.all, room);
      }
    };
    this.#stale.set(room, setTimeout(() => void read(), TOGETHER_MS));
  }

  /** It has come to this person, read or not. */
  #deliver(room: string, seq: number): void {
    const waiting = this.#delivered.has(room);
    this.#delivered.set(room, Math.max(this.#delivered.get(room) ?? 0, seq));
    if (waiting) return;
    setTimeout(() => {
      const delivered = this.#delivered.get(room);
      this.#delivered.delete(room);
      // What does not arrive is said again with the next message.
      if (delivered) server.receive(room, { delivered }).catch(() => {});
    }, 300);
  }
}

export const rooms = new Rooms();
