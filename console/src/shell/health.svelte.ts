// The state of the whole server, kept for as long as the console is open: the overview draws it, the navigation marks
// what needs attention, the jobs page takes its counts from it.

import type { JobState, Overview } from "../contract.ts";
import { ApiError, get } from "../shared/api.ts";
import { follow, onLiveState, type LiveState } from "../shared/live.ts";
import { withSample, type Sample } from "./series.ts";

class Health {
  now = $state.raw<Overview | null>(null);
  jobs = $state.raw<Record<JobState, number> | null>(null);
  samples = $state.raw<Sample[]>([]);
  failure = $state.raw<ApiError | null>(null);
  connection = $state<LiveState>("connecting");

  /** Starts to listen; answers how to stop. */
  start(): () => void {
    void this.load();
    const stopState = onLiveState((state) => (this.connection = state));
    const stop = follow<Overview>("console:overview", {
      publication: (overview) => this.#take(overview),
      // After a pause the chart starts again: a rate over the gap would be a lie.
      subscribed: () => (this.samples = []),
    });
    return () => {
      stop();
      stopState();
    };
  }

  async load(): Promise<void> {
    try {
      this.#take(await get<Overview>("/api/v1/overview"));
      this.failure = null;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
  }

  #take(overview: Overview): void {
    if (this.now) this.samples = withSample(this.samples, this.now, overview);
    this.now = overview;
    this.jobs = overview.jobs;
    this.failure = null;
  }
}

export const health = new Health();
