// The list of endpoints: few enough to hold, read again when the server says that something changed.

import type { Endpoint } from "../../contract.ts";
import { ApiError, get } from "../../shared/api.ts";
import { follow } from "../../shared/live.ts";
import { clock } from "../../shell/clock.svelte.ts";
import { health } from "../../shell/health.svelte.ts";

export class Endpoints {
  rows = $state.raw<Endpoint[]>([]);
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
    $effect(() => follow("console:endpoints", { publication: () => this.#again(), subscribed: () => this.#again() }));
  }

  #again(): void {
    this.heard += 1;
    void this.load();
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      this.rows = (await get<{ items: Endpoint[] }>("/api/v1/endpoints", {}, asking.signal)).items;
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

/** A secret that was made just now: the server shows it once, and this page until it is left. */
class ShownOnce {
  endpoint = $state<string | null>(null);
  text = $state("");

  show(endpoint: string, text: string): void {
    this.endpoint = endpoint;
    this.text = text;
  }

  forget(): void {
    this.endpoint = null;
    this.text = "";
  }
}

export const shownOnce = new ShownOnce();
