// The messages that mention the person, the newest first: read when they are looked at, and again when a notice may have changed them.

import type { Message, Notice } from "../contract";
import { Until } from "../model/until";
import { net } from "./net.svelte";
import { learn } from "./people.svelte";
import { rooms } from "./rooms.svelte";
import { mayHelp, server, wordsOf } from "./server";

const PAGE = 30;
/** As much as the server answers with at once. */
const MOST = 200;

/** Whether what a notice says can be seen in the list. */
function concerns(notice: Notice): boolean {
  if (notice.type === "message") return notice.mentions_you;
  return notice.type !== "last";
}

export class Mentions {
  items = $state.raw<Message[]>([]);
  loaded = $state(false);
  why = $state("");
  next = $state.raw<string | null>(null);
  #busy = false;
  /** How often the list was read from its beginning. */
  #readings = 0;
  #anew = new Until(() => this.#read(), (failure) => this.#failed(failure));
  #stops: (() => void)[];

  constructor() {
    this.#stops = [
      rooms.onNotice((notice) => this.#take(notice)),
      rooms.onMissed(() => this.#anew.want()),
      net.onBack(() => this.#anew.now()),
      () => this.#anew.stop(),
    ];
    this.#anew.want();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  retry(): void {
    this.why = "";
    this.#anew.want();
  }

  #take(notice: Notice): void {
    // What is gone for this person is not shown until the server says so too.
    if (notice.type === "hidden" && notice.on) this.#without((one) => one.room === notice.room && one.seq === notice.seq);
    if (notice.type === "left") this.#without((one) => one.room === notice.room);
    if (concerns(notice)) this.#anew.want();
  }

  #without(gone: (message: Message) => boolean): void {
    this.items = this.items.filter((one) => !gone(one));
  }

  #failed(failure: unknown): boolean {
    this.why = failure === null ? "" : wordsOf(failure);
    return failure !== null && mayHelp(failure);
  }

  /** As many as are there, from the beginning. */
  async #read(): Promise<void> {
    this.#readings += 1;
    const found = await server.mentions(Math.max(PAGE, Math.min(MOST, this.items.length)), null);
    this.#readings += 1;
    learn(found.people);
    [this.items, this.next, this.loaded] = [found.items, found.next, true];
  }

  async older(): Promise<void> {
    if (this.#busy || this.next === null) return;
    this.#busy = true;
    const before = this.#readings;
    try {
      const found = await server.mentions(PAGE, this.next);
      learn(found.people);
      // Read anew meanwhile, the list goes on elsewhere.
      if (before === this.#readings) [this.items, this.next, this.why] = [[...this.items, ...found.items], found.next, ""];
    } catch (failure) {
      this.why = wordsOf(failure);
    }
    this.#busy = false;
  }
}
