// Who is writing and who is there, in every room of the list: one light channel a room.

import { live } from "@console/shared/live";
import { SvelteMap } from "svelte/reactivity";
import type { Line, Whereabouts } from "../contract";
import { nearest } from "../model/lines";
import { heard, IDLE_MS, present, SAID_EVERY_MS, words, type Typists } from "../model/typing";
import { learn, nameOf, presence } from "./people.svelte";
import { server } from "./server";
import { who } from "./session.svelte";

/** Of a longer list the open room and those that were spoken in last: a connection has so many channels and no more. */
const MOST = 80;

class Around {
  #typists = new SvelteMap<string, Typists>();
  #stops = new Map<string, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Listens around these rooms, the open one first, and no others. */
  keep(lines: Line[], open: string | null): void {
    const wanted = new Set(nearest(lines, open, MOST));
    for (const [room, stop] of this.#stops) if (!wanted.has(room)) stop();
    for (const room of wanted) if (!this.#stops.has(room)) this.#begin(room);
  }

  #begin(room: string): void {
    const connection = live();
    const subscription = connection.newSubscription(`chat_typing:${room}`, { joinLeave: true });
    subscription.on("publication", ({ data }) => {
      if ("whereabouts" in (data as object)) return learn([], (data as { whereabouts: Whereabouts[] }).whereabouts);
      const { person, on } = data as { person: string; on: boolean };
      if (person !== who.me.id) this.#put(room, heard(this.#typists.get(room) ?? new Map(), person, on, Date.now()));
    });
    subscription.on("join", ({ info }) => presence.joined(room, info.client, info.user));
    subscription.on("leave", ({ info }) => presence.left(room, info.client));
    subscription.on("subscribed", () => {
      // Where a server does not show who is there, nobody is shown.
      subscription.presence().then(({ clients }) => presence.whole(room, Object.values(clients)), () => {});
    });
    subscription.subscribe();
    this.#stops.set(room, () => {
      this.#stops.delete(room);
      presence.forget(room);
      connection.removeSubscription(subscription);
    });
  }

  /** Somebody's message is there: who wrote it writes no more. */
  spoke(room: string, person: string): void {
    const typists = this.#typists.get(room);
    if (typists?.has(person)) this.#put(room, heard(typists, person, false, Date.now()));
  }

  /** Who is writing there. */
  typists(room: string): string[] {
    return [...(this.#typists.get(room)?.keys() ?? [])];
  }

  words(room: string): string {
    return words(this.typists(room).map((person) => nameOf(person)));
  }

  #put(room: string, typists: Typists): void {
    if (typists.size > 0) this.#typists.set(room, typists);
    else this.#typists.delete(room);
    if (this.#timer || this.#typists.size === 0) return;
    this.#timer = setInterval(() => this.#tick(), 500);
  }

  #tick(): void {
    for (const [room, typists] of this.#typists) {
      const left = present(typists, Date.now());
      if (left !== typists) this.#put(room, left);
    }
    if (this.#typists.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

export const around = new Around();

/** Says that one is writing: at the first key, again while it goes on, and that it is over. */
export class Writing {
  #saidAt = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly room: string) {}

  key(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
    if (Date.now() - this.#saidAt < SAID_EVERY_MS) return;
    this.#saidAt = Date.now();
    server.typing(this.room, true).catch(() => {});
  }

  stop(): void {
    clearTimeout(this.#idle);
    if (this.#saidAt === 0) return;
    this.#saidAt = 0;
    server.typing(this.room, false).catch(() => {});
  }
}
