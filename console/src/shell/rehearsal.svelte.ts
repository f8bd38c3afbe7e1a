// What would happen, asked while it is being chosen: a moment after the last change, and an older answer never replaces a
// newer one.

import { ApiError, post } from "../shared/api.ts";

const SETTLES_MS = 350;

export class Rehearsal<Plan> {
  plan = $state.raw<Plan | null>(null);
  refused = $state.raw<ApiError | null>(null);

  /** To be made while a component is set up. `body` is null while there is nothing to ask. */
  constructor(path: string, body: () => object | null) {
    const text = $derived(JSON.stringify(body()));
    $effect(() => {
      const asked = JSON.parse(text) as object | null;
      this.plan = null;
      this.refused = null;
      if (asked === null) return;
      const asking = new AbortController();
      const timer = setTimeout(() => void this.#ask(path, asked, asking.signal), SETTLES_MS);
      return () => {
        clearTimeout(timer);
        asking.abort();
      };
    });
  }

  async #ask(path: string, body: object, signal: AbortSignal): Promise<void> {
    try {
      this.plan = await post<Plan>(path, { ...body, dry_run: true }, signal);
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      this.refused = failure;
    }
  }
}
