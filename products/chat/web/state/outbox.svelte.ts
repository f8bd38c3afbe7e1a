// Sends what was said, and keeps it until the server has it: over a reload, over being offline, once and in order. Several tabs share one
// outbox, in which each message has its own place; one of them sends.

import { ApiError } from "@console/shared/api";
import type { Message } from "../contract";
import * as outbox from "../model/outbox";
import { net } from "./net.svelte";
import { server, wordsOf } from "./server";
import { who } from "./session.svelte";
import { standing } from "./standing.svelte";

class Outbox {
  queue = $state.raw<outbox.Unsent[]>([]);
  /** What just went out: a page shows no gap between sending and hearing of it. */
  readonly sent = new Set<(message: Message) => void>();
  #prefix = "";
  #sends = false;
  #going = new Set<string>();
  /** What could not be stored; it lasts as long as the page. */
  #loose = new Map<string, outbox.Unsent>();
  #tries = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #release = new AbortController();

  begin(person: string): void {
    this.#prefix = `mainspring.chat.outbox.${person}.`;
    this.#read();
    addEventListener("storage", ({ key }) => (key === null || key.startsWith(this.#prefix)) && this.#read());
    net.onBack(() => this.#now());
    standing.onOpen(() => this.#now());
    addEventListener("pageshow", () => this.#now());
    who.ended.add((left) => {
      if (left) this.clear();
      this.#end();
    });
    // The first tab sends for all; when it goes, or nobody is in it any more, the next one does.
    const take = async (): Promise<void> => {
      if (this.#release.signal.aborted) return;
      this.#sends = true;
      this.#read();
      this.#now();
      await new Promise((done) => this.#release.signal.addEventListener("abort", done, { once: true }));
    };
    if (navigator.locks) navigator.locks.request(this.#prefix, { signal: this.#release.signal }, take).catch(() => {});
    else void take();
  }

  of(room: string): outbox.Unsent[] {
    return this.queue.filter((one) => one.room === room);
  }

  /** False where it could not be kept: there is no room for more. */
  say(one: Omit<outbox.Unsent, "state" | "tries" | "why">): boolean {
    const before = this.#fresh();
    const added = outbox.said(before, one).at(before.length);
    if (!added || !this.#store(added)) return false;
    this.#read();
    return true;
  }

  again(id: string): void {
    this.#change(id, (queue) => outbox.again(queue, id));
    this.#now();
  }

  drop(id: string): void {
    if (this.queue.some((one) => one.client_id === id)) this.#change(id, (queue) => outbox.without(queue, id));
  }

  /** Whoever signs out takes along what waits. */
  clear(): void {
    for (const one of this.#fresh()) this.#remove(one.client_id);
    this.#read();
  }

  #end(): void {
    this.#sends = false;
    clearTimeout(this.#pause);
    this.#release.abort();
  }

  /** What is there now: another tab may have changed it since. */
  #fresh(): outbox.Unsent[] {
    const queue = outbox.stored([...[...this.#loose.values()].map((one) => JSON.stringify(one)), ...this.#texts()]);
    return this.#sends ? outbox.revived(queue, this.#going) : queue;
  }

  #texts(): string[] {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix));
      return keys.flatMap((key) => localStorage.getItem(key) ?? []);
    } catch {
      return [];
    }
  }

  #read(): void {
    this.queue = this.#fresh();
    this.#pump();
  }

  /** Changes one message; one that is gone stays gone. */
  #change(id: string, change: (queue: outbox.Unsent[]) => outbox.Unsent[]): void {
    const old = this.#fresh().find((one) => one.client_id === id);
    const [next] = old ? change([old]) : [];
    if (next) this.#store(next);
    else this.#remove(id);
    this.queue = this.#fresh();
  }

  #store(one: outbox.Unsent): boolean {
    if (!this.#loose.has(one.client_id)) {
      try {
        localStorage.setItem(this.#prefix + one.client_id, JSON.stringify(one));
        return true;
      } catch {
        // Another tab would never hear of it: kept is only what this one sends itself.
        if (!this.#sends) return false;
      }
    }
    this.#loose.set(one.client_id, one);
    return true;
  }

  #remove(id: string): void {
    this.#loose.delete(id);
    try {
      localStorage.removeItem(this.#prefix + id);
    } catch {
      // Then it is not there either.
    }
  }

  /** Without waiting out the pause: something says that it may work. */
  #now(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#pump();
  }

  #pump(): void {
    if (!this.#sends || this.#pause || !net.online || standing.shut || who.stage !== "in") return;
    const rooms = new Set(this.queue.filter((one) => this.#going.has(one.client_id)).map((one) => one.room));
    for (const one of outbox.next(this.queue)) {
      if (rooms.has(one.room) || this.#going.has(one.client_id)) continue;
      this.#going.add(one.client_id);
      void this.#send(one);
    }
  }

  async #send(one: outbox.Unsent): Promise<void> {
    const id = one.client_id;
    this.#change(id, (queue) => outbox.begun(queue, id));
    const outcome = await this.#try(one);
    this.#going.delete(id);
    this.#change(id, (queue) => outbox.ended(queue, id, outcome));
    if (outcome.kind === "later") {
      this.#tries += 1;
      this.#pause ??= setTimeout(() => this.#now(), outbox.pause(this.#tries, Math.random()));
    } else {
      this.#tries = 0;
      this.#pump();
    }
  }

  async #try(one: outbox.Unsent): Promise<outbox.Outcome> {
    if (!(await who.sure())) return { kind: "later" };
    const began = performance.now();
    try {
      const { room, client_id, content } = one;
      const answers = one.reply_to === null ? {} : { reply_to: one.reply_to };
      const file = one.file ? { file_id: one.file.id } : {};
      const message = await server.send(room, { client_id, content, ...answers, ...file });
      net.took(performance.now() - began);
      for (const tell of this.sent) tell(message);
      return { kind: "sent" };
    } catch (failure) {
      return outbox.outcomeOf(failure instanceof ApiError ? failure.status : 0, wordsOf(failure));
    }
  }
}

export const box = new Outbox();

/** What a message is called before it has a number. */
export function newName(): string {
  // randomUUID is there on https and localhost alone.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
