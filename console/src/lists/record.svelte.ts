// One thing by its address: loaded, loaded again, or not there.

import { untrack } from "svelte";
import { ApiError, get } from "../shared/api.ts";
import { health } from "../shell/health.svelte.ts";

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  failure = $state.raw<ApiError | null>(null);
  #asking: AbortController | null = null;
  #path: () => string;

  /** To be made while a component is set up; asks again whenever the path changes. */
  constructor(path: () => string) {
    this.#path = path;
    $effect(() => {
      path();
      this.value = null;
      this.failure = null;
      void this.load();
      return () => this.#asking?.abort();
    });
    $effect(() => {
      if (health.connection === "live" && untrack(() => this.failure?.code === "UNREACHABLE")) void this.load();
    });
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      this.value = await get<T>(this.#path(), {}, asking.signal);
      this.failure = null;
    } catch (failure) {
      if (asking.signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
  }
}
