// What a form sends: one thing at a time. What is wrong with a field is told at the field, all else at the foot of the page.

import { ApiError, type FieldError } from "../../shared/api.ts";
import { said } from "../../shell/said.svelte.ts";

export class Sending {
  busy = $state(false);
  /** The fields of the last request that were wrong. */
  wrongs = $state.raw<FieldError[]>([]);

  /** Answers whether it was taken. `work` answers the words for it, or none. */
  async run(work: () => Promise<string>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      const words = await work();
      this.wrongs = [];
      if (words !== "") said.say(words);
      return true;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.wrongs = failure.errors;
      if (failure.errors.length === 0) said.say(`Not done: ${failure.detail} ${failure.advice}`.trim(), true, failure.requestId);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What is wrong with this field. */
  wrong(pointer: string): string | null {
    return this.wrongs.find((one) => one.pointer === pointer)?.detail ?? null;
  }
}
