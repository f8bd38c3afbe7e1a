// The list of schedules: few enough to hold, read again when the server says that something fired or changed.

import type { Page, Schedule } from "../../contract.ts";
import { ApiError, get } from "../../shared/api.ts";
import { follow } from "../../shared/live.ts";
import { clock } from "../../shell/clock.svelte.ts";
import { health } from "../../shell/health.svelte.ts";

const PAGE_ROWS = 200;
/** As many as a person looks through; the filter does not reach beyond. */
const MOST_ROWS = 1000;

export class Schedules {
  rows = $state.raw<Schedule[]>([]);
  /** There are more than are held. */
  more = $state(false);
  loading = $state(true);
  failure = $state.raw<ApiError | null>(null);
  /** Grows with each word of the server: a detail reads itself again. */
  heard = $state(0);
  #asking: AbortController | null = null;

  /** To be made while a component is set up. */
  constructor() {
    $effect(() => {
      void this.load();
      return () => this.#asking?.abort();
    });
    $effect(() => {
      if (health.connection === "live" && this.failure?.code === "UNREACHABLE") void this.load();
    });
    $effect(() =>
      follow("console:schedules", {
        publication: () => this.#again(),
        subscribed: () => this.#again(),
      }),
    );
  }

  #again(): void {
    this.heard += 1;
    void this.load();
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const rows: Schedule[] = [];
    let after: string | null = null;
    try {
      do {
        const page: Page<Schedule> = await get<Page<Schedule>>("/api/v1/schedules", { after, limit: PAGE_ROWS }, asking.signal);
        rows.push(...page.items);
        after = page.next;
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
