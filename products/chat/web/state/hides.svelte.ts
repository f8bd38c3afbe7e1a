// What a person has hidden from itself in one room: read, and kept by what the person's own channel tells.

import { NOTHING, withHidden, type Hidden } from "../model/hidden";
import { Until } from "../model/until";
import { net } from "./net.svelte";
import { rooms } from "./rooms.svelte";
import { mayHelp, server, wordsOf } from "./server";

export class Hides {
  all = $state.raw<Hidden>(NOTHING);
  #anew = new Until(() => this.read(), mayHelp);
  /** How often something was hidden or shown again. */
  #changes = 0;
  #stops: (() => void)[];

  /** `changed` is told of each message that is hidden or shown again. */
  constructor(
    private readonly room: string,
    private readonly changed: (seq: number, on: boolean) => void,
  ) {
    this.#stops = [
      net.onBack(() => this.#anew.now()),
      rooms.onNotice((notice) => notice.type === "hidden" && notice.room === room && this.#put(notice.seq, notice.on)),
      rooms.onMissed(() => this.#anew.want()),
      () => this.#anew.stop(),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  async read(): Promise<void> {
    let before: number;
    let items: number[];
    do {
      before = this.#changes;
      ({ items } = await server.hidden(this.room));
      // What was hidden meanwhile may be newer than the answer.
    } while (before !== this.#changes);
    this.all = new Set(items);
  }

  /** Hides a message on all devices, or shows it again. Answers why not, for people, or nothing. */
  async put(seq: number, on: boolean): Promise<string> {
    this.#put(seq, on);
    try {
      await (on ? server.hide(this.room, seq) : server.unhide(this.room, seq));
      this.changed(seq, on);
      return "";
    } catch (failure) {
      if (mayHelp(failure)) this.#anew.want();
      else this.#put(seq, !on);
      return wordsOf(failure);
    }
  }

  #put(seq: number, on: boolean): void {
    this.#changes += 1;
    this.all = withHidden(this.all, seq, on);
    this.changed(seq, on);
  }
}
