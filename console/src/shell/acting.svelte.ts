// What a person does with a button: one thing at a time, and what came of it is said at the foot of the page.

import { ApiError } from "../shared/api.ts";
import { said } from "./said.svelte.ts";

export class Acting {
  busy = $state(false);

  /** Answers whether it was done. `work` answers the words for it. */
  async run(work: () => Promise<string>): Promise<boolean> {
    this.busy = true;
    try {
      said.say(await work());
      return true;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      said.say(`Not done: ${failure.detail} ${failure.advice}`.trim(), true, failure.requestId);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
