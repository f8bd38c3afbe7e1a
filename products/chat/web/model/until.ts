// Something that has to happen, however often it fails: tried again after a pause that grows, and at once when the net is back.

import { pause } from "./outbox";

export class Until {
  #wanted = 0;
  #done = 0;
  #tries = 0;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** `failed` is told of each failure, and of null when it worked; it answers whether another try may help. */
  constructor(
    private readonly act: () => Promise<unknown>,
    private readonly failed: (failure: unknown) => boolean,
    private readonly chance: () => number = Math.random,
  ) {}

  /** It was asked for and did not work yet. */
  get open(): boolean {
    return this.#done < this.#wanted;
  }

  /** What is asked for while it runs is done once more after it: the running one may be too old. */
  want(): void {
    this.#wanted += 1;
    if (!this.#timer) void this.#run();
  }

  /** Without waiting out the pause: something says that it may work. */
  now(): void {
    if (this.open) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#busy = true;
    while (this.open && !this.#timer && !this.#stopped) await this.#try(this.#wanted);
    this.#busy = false;
  }

  async #try(upTo: number): Promise<void> {
    let failure: unknown = null;
    try {
      await this.act();
    } catch (reason) {
      failure = reason ?? new Error("failed");
    }
    if (this.#stopped) return;
    const again = failure !== null && this.failed(failure);
    if (!again) {
      [this.#done, this.#tries] = [upTo, 0];
      if (failure === null) this.failed(null);
      return;
    }
    this.#tries += 1;
    this.#timer = setTimeout(() => void this.#run(), pause(this.#tries, this.chance()));
  }
}
