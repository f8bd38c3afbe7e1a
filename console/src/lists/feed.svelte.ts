// A live list: pages by HTTP, changes by realtime, merged by `merge.ts`. It decides when to ask the server; when the
// reader must not be disturbed is told from outside (`pause`, `resume`).

import { untrack } from "svelte";
import { ApiError, get, type Query } from "../shared/api.ts";
import { follow } from "../shared/live.ts";
import { clock } from "../shell/clock.svelte.ts";
import { health } from "../shell/health.svelte.ts";
import type { Changes, Page } from "../contract.ts";
import { append, arrive, empty, release, start, type LiveRows, type Order } from "./merge.ts";

export const PAGE_ROWS = 50;

export interface FeedOf<T, C extends Changes<T> = Changes<T>> {
  path: string;
  /** Where the server tells of changes; null when it does not, and the list is reloaded by hand. */
  channel: string | null;
  order: Order<T>;
  /** How many rows a page has, if not as many as usual. */
  limit?: number;
  /** The filters as the server takes them. Read inside an effect: a change starts the list anew. */
  query: () => Query;
  /** The same filters for a row that arrives live. */
  belongs: (row: T) => boolean;
  /** The whole message, for what it carries beside the rows. */
  published?: (changes: C) => void;
}

export class Feed<T, C extends Changes<T> = Changes<T>> {
  list = $state.raw<LiveRows<T>>(empty());
  /** Keys of the rows of the last message: they glow for a moment. */
  fresh = $state.raw<ReadonlySet<string>>(new Set());
  loading = $state(true);
  loadingOlder = $state(false);
  failure = $state.raw<ApiError | null>(null);
  /** Why live changes are refused by the server, if they are; the list still loads. */
  refused = $state<string | null>(null);
  /** We were away from the channel while the reader read: what waits is not all. */
  stale = $state(false);
  #reasons = $state.raw<ReadonlySet<string>>(new Set());
  readonly paused: boolean = $derived(this.#reasons.size > 0);
  /** Stopped by hand, not by reading. */
  readonly held: boolean = $derived(this.#reasons.has("hand"));

  #asking: AbortController | null = null;
  #followed = false;
  readonly of: FeedOf<T, C>;

  /** To be made while a component is set up: its effects end with that component. */
  constructor(of: FeedOf<T, C>) {
    this.of = of;
    $effect(() => {
      of.query();
      this.list = empty();
      void this.load();
      return () => this.#asking?.abort();
    });
    // Asked while the server was away: asks again by itself when it is back.
    $effect(() => {
      if (health.connection === "live" && untrack(() => this.failure?.code === "UNREACHABLE")) void this.load();
    });
    $effect(() => {
      if (of.channel === null) return;
      return follow<C>(of.channel, {
        publication: (changes) => this.#arrive(changes),
        subscribed: () => {
          this.refused = null;
          // Each subscription follows a time in which we heard nothing, the first one that since the list was asked for.
          this.#returned();
        },
        refused: (why) => (this.refused = why),
      });
    });
  }

  /** Several reasons may hold at once; the list runs again when the last one ends. */
  pause(reason: string): void {
    if (!this.#reasons.has(reason)) this.#reasons = new Set([...this.#reasons, reason]);
  }

  resume(reason: string): void {
    if (!this.#reasons.has(reason)) return;
    const left = new Set(this.#reasons);
    left.delete(reason);
    this.#reasons = left;
    if (left.size === 0) this.show();
  }

  /** Lets what waits in. */
  show(): void {
    if (this.stale) void this.load();
    else this.list = release(this.list, this.of.belongs, this.of.order);
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.loading = true;
    try {
      const page = await get<Page<T>>(this.of.path, { ...this.of.query(), limit: this.of.limit ?? PAGE_ROWS }, asking.signal);
      // Rows beside the page are those that the stream brought; without one they are those that were removed.
      this.list = start(this.stale || this.of.channel === null ? empty() : this.list, page, this.of.order);
      this.failure = null;
      this.stale = false;
    } catch (failure) {
      if (asking.signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
    this.loading = false;
  }

  async loadOlder(): Promise<void> {
    if (this.list.older === null || this.loadingOlder) return;
    const asking = this.#asking;
    this.loadingOlder = true;
    try {
      const query = { ...this.of.query(), before: this.list.older, limit: this.of.limit ?? PAGE_ROWS };
      const page = await get<Page<T>>(this.of.path, query, asking?.signal);
      this.list = append(this.list, page, this.of.order);
      this.failure = null;
    } catch (failure) {
      if (failure instanceof ApiError) this.failure = failure;
      else if (!asking?.signal.aborted) throw failure;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** A row that we changed ourselves, before the stream tells of it. */
  put(row: T): void {
    this.list = arrive(this.list, { items: [row], skipped: 0, paused: true, belongs: () => true }, this.of.order);
  }

  #arrive(changes: C): void {
    clock.catchUp();
    this.of.published?.(changes);
    const { order, belongs } = this.of;
    // A new watcher is sent the newest rows once more; only what it had not seen is news.
    const known = new Map([...this.list.rows, ...this.list.waiting].map((row) => [order.key(row), JSON.stringify(row)]));
    const news = this.loading ? [] : changes.items.filter((row) => known.get(order.key(row)) !== JSON.stringify(row));
    this.list = arrive(this.list, { ...changes, paused: this.paused, belongs }, order);
    this.fresh = new Set(news.map(order.key));
  }

  #returned(): void {
    this.stale = true;
    // The first time, the rows have only just been asked for: nobody has read them, whatever detail is open beside them.
    if (!this.paused || !this.#followed) void this.load();
    this.#followed = true;
  }
}
