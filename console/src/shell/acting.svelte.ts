// What a person does with a button: one thing at a time, and what came of it is said at the foot of the page.

import { ApiError } from "../shared/api.ts";
import { said } from "./said.svelte.ts";

export class Acting {
  busy = $state(false);

  /** Answers whether it was done. `work` answers the words for it, or none; `not` begins the words for a refusal. */
  async run(work: () => Promise<string>, not = "Not done"): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      const words = await work();
      if (words !== "") said.say(words);
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
