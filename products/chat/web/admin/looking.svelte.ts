// Something that is read again and again while somebody looks at it.

import { onMount } from "svelte";
import { wordsOf } from "../state/server";

/** Between two readings, milliseconds. */
const EVERY_MS = 10_000;

export class Looking<T> {
  value = $state.raw<T | null>(null);
  /** Why the last reading failed; what was read before stays. */
  why = $state("");
  #asked = 0;

  /** To be made while a component is set up: it ends with it. */
  constructor(private readonly ask: () => Promise<T>) {
    onMount(() => {
      void this.read();
      const timer = setInterval(() => document.visibilityState === "visible" && void this.read(), EVERY_MS);
      return () => clearInterval(timer);
    });
  }

  async read(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const value = await this.ask();
      // An answer to an older question is older.
      if (asked === this.#asked) [this.value, this.why] = [value, ""];
    } catch (failure) {
      if (asked === this.#asked) this.why = wordsOf(failure);
    }
  }
}
