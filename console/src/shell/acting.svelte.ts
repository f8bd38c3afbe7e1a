// What a person does with a button: one thing at a time, and what came of it is said at the foot of the page.

import { ApiError } from "../shared/api.ts";
import { said } from "./said.svelte.ts";

/** The words for what was done, or none; and how it is taken back, where it can be. */
export type Done = string | { words: string; undo: () => Promise<Done> };

export class Acting {
  busy = $state(false);

  /** Answers whether it was done. `not` begins the words for a refusal. */
  async run(work: () => Promise<Done>, not = "Not done"): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      const done = await work();
      if (typeof done !== "string") said.say(done.words, false, null, () => void this.run(done.undo, "Not taken back"));
      else if (done !== "") said.say(done);
      return true;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.refused(failure, not);
      return false;
    } finally {
      this.busy = false;
    }
  }

  protected refused(failure: ApiError, not: string): void {
    said.say(`${not}: ${failure.detail} ${failure.advice}`.trim(), true, failure.requestId);
  }
}
