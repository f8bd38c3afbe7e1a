// A list that is few enough to hold: read whole, and read again when the server says that something of it changed. What
// grows without end is a `Feed`.

import { untrack } from "svelte";
import { ApiError, get } from "../shared/api.ts";
import { follow } from "../shared/live.ts";
import { clock } from "../shell/clock.svelte.ts";
import { health } from "../shell/health.svelte.ts";

const PAGE_ROWS = 200;
/** As many as a person looks through. */
const MOST_ROWS = 1000;

export class Held<T> {
  rows = $state.raw<T[]>([]);
  /** There are more than are held. */
  more = $state(false);
  loading = $state(true);
  failure = $state.raw<ApiError | null>(null);
  /** Grows with each word of the server: a detail reads itself again. */
  heard = $state(0);
  #asking: AbortController | null = null;
  #path: string;

  /** To be made while a component is set up. `channel` is where the server says that something changed, if it does. */
  constructor(path: string, channel: string | null = null) {
    this.#path = path;
    $effect(() => {
      void this.load();
      return () => this.#asking?.abort();
    });
    $effect(() => {
      if (health.connection === "live" && untrack(() => this.failure?.code === "UNREACHABLE")) void this.load();
    });
    if (channel !== null) {
      $effect(() => follow(channel, { publication: () => this.#again(), subscribed: () => this.#again() }));
    }
  }

  #again(): void {
    this.heard += 1;
    void this.load();
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const rows: T[] = [];
    let after: string | number | null = null;
    try {
      do {
        const page: { items: T[]; next?: string | number | null } = await get(this.#path, { after, limit: PAGE_ROWS }, asking.signal);
        rows.push(...page.items);
        after = page.next ?? null;
      } while (after !== null && rows.length < MOST_ROWS);
      this.rows = rows;
      this.more = after !== null;
      this.failure = null;
      clock.catchUp();
    } catch (failure) {
      if (asking.signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
    this.loading = false;
  }
}
