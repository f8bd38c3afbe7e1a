// What holds for everybody in the chat: read once, and told by the channel of all when an administrator changes it.

import { follow } from "@console/shared/live";
import type { Standing as Now } from "../contract";
import { Until } from "../model/until";
import { net } from "./net.svelte";
import { mayHelp, server } from "./server";
import { who } from "./session.svelte";

const CHANNEL = "chat_state:all";

class Standing {
  now = $state.raw<Now | null>(null);
  /** How often the settings were saved while this page was open. */
  changes = $state(0);
  /** How often the channel opened: from then on this person is online. */
  heard = $state(0);
  #open = new Set<() => void>();
  #read = new Until(async () => this.is(await server.standing()), mayHelp);

  begin(): void {
    // Whatever was told while nobody listened is in the answer alone.
    follow<Now>(CHANNEL, { publication: (now) => this.#told(now), subscribed: () => this.#listens() });
    net.onBack(() => this.#read.now());
    this.#read.want();
  }

  #listens(): void {
    this.heard += 1;
    this.#read.want();
  }

  #told(now: Now): void {
    this.is(now);
    this.changes += 1;
    // The answer that is on its way may be older.
    if (this.#read.open) this.#read.want();
  }

  /** This person can read, and nothing that they write is taken. */
  get shut(): boolean {
    return this.now?.maintenance === true && who.me.role !== "admin";
  }

  get words(): string {
    if (this.shut) return "The chat is being worked on. You can read; what you write is kept, and sent when that is over.";
    return this.now?.maintenance ? "Maintenance: only administrators write. End it in the settings." : "";
  }

  is(now: Now): void {
    const was = this.shut;
    this.now = now;
    if (was && !this.shut) for (const tell of this.#open) tell();
  }

  /** Calls when what is written is taken again. Answers how to stop. */
  onOpen(tell: () => void): () => void {
    this.#open.add(tell);
    return () => this.#open.delete(tell);
  }
}

export const standing = new Standing();
