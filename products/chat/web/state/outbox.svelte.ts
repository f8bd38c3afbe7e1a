// Sends what was said, and keeps it until the server has it: over a reload, over being offline, once and in order. Several tabs share one
// outbox; one of them sends.

import { ApiError } from "@console/shared/api";
import type { Message } from "../contract";
import * as outbox from "../model/outbox";
import { net } from "./net.svelte";
import { server, wordsOf } from "./server";
import { who } from "./session.svelte";

class Outbox {
  queue = $state.raw<outbox.Unsent[]>([]);
  /** What just went out: a page shows no gap between sending and hearing of it. */
  readonly sent = new Set<(message: Message) => void>();
  #key = "";
  #sends = false;
  #tries = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  begin(person: string): void {
    this.#key = `mainspring.chat.outbox.${person}`;
    this.#read();
    addEventListener("storage", (event) => event.key === this.#key && this.#read());
    net.onBack(() => this.#now());
    addEventListener("pageshow", () => this.#now());
    // The first tab sends for all; when it goes the next one does.
    const take = (): Promise<never> => {
      this.#sends = true;
      this.#keep(outbox.revived(this.#stored()));
      this.#now();
      return new Promise<never>(() => {});
    };
    if (navigator.locks) void navigator.locks.request(this.#key, take);
    else void take();
  }

  of(room: string): outbox.Unsent[] {
    return this.queue.filter((one) => one.room === room);
  }

  /** False where there is no room for more. */
  say(one: Omit<outbox.Unsent, "state" | "tries" | "why">): boolean {
    const queue = outbox.said(this.#fresh(), one);
    if (queue.length === this.queue.length) return false;
    this.#keep(queue);
    this.#pump();
    return true;
  }

  again(id: string): void {
    this.#keep(outbox.again(this.#fresh(), id));
    this.#now();
  }

  drop(id: string): void {
    const left = outbox.without(this.#fresh(), id);
    if (left !== this.queue) this.#keep(left);
  }

  /** Another tab may have added to it since. */
  #fresh(): outbox.Unsent[] {
    const stored = this.#stored();
    if (stored === null) return this.queue;
    const states = new Map(this.queue.map((one) => [one.client_id, one]));
    return outbox.revived(stored).map((one) => (this.#sends ? (states.get(one.client_id) ?? one) : one));
  }

  #stored(): string | null {
    try {
      return localStorage.getItem(this.#key);
    } catch {
      return null;
    }
  }

  #read(): void {
    this.queue = this.#fresh();
    this.#pump();
  }

  #keep(queue: outbox.Unsent[]): void {
    this.queue = queue;
    try {
      localStorage.setItem(this.#key, JSON.stringify(queue));
    } catch {
      // Without storage it lasts as long as the page.
    }
  }

  /** Without waiting out the pause: something says that it may work. */
  #now(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#pump();
  }

  #pump(): void {
    if (!this.#sends || this.#pause || !net.online || who.stage !== "in") return;
    for (const one of outbox.next(this.queue)) void this.#send(one);
  }

  async #send(one: outbox.Unsent): Promise<void> {
    this.#keep(outbox.begun(this.#fresh(), one.client_id));
    const outcome = await this.#try(one);
    this.#keep(outbox.ended(this.#fresh(), one.client_id, outcome));
    if (outcome.kind === "later") {
      this.#tries += 1;
      this.#pause ??= setTimeout(() => this.#now(), outbox.pause(this.#tries, Math.random()));
    } else {
      this.#tries = 0;
      this.#pump();
    }
  }

  async #try(one: outbox.Unsent): Promise<outbox.Outcome> {
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
