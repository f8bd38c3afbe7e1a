// What a form sends. What is wrong with a field is told at the field, all else at the foot of the page.

import type { ApiError, FieldError } from "../shared/api.ts";
import { Acting, type Done } from "./acting.svelte.ts";

export class Sending extends Acting {
  /** The fields of the last request that were wrong. */
  wrongs = $state.raw<FieldError[]>([]);

  override run(work: () => Promise<Done>, not?: string): Promise<boolean> {
    return super.run(async () => {
      const done = await work();
      this.wrongs = [];
      return done;
    }, not);
  }

  /** For the form's `onsubmit`. */
  submit(work: () => Promise<Done>, not?: string): (event: SubmitEvent) => void {
    return (event) => {
      event.preventDefault();
      void this.run(work, not);
    };
  }

  protected override refused(failure: ApiError, not: string): void {
    this.wrongs = failure.errors;
    if (failure.errors.length === 0) super.refused(failure, not);
  }

  /** What is wrong with this field. */
  wrong(pointer: string): string | null {
    return this.wrongs.find((one) => one.pointer === pointer)?.detail ?? null;
  }
}
