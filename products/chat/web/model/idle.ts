// Whether anything is done on this page. Of several pages of a person, on whatever device, one that is touched is enough: the server
// counts those that are heard.

/** So long after the last touch nobody does anything here, milliseconds. */
export const IDLE_MS = 5 * 60_000;

export class Idle {
  #last = 0;
  #heard = false;

  constructor(
    private readonly hear: () => void,
    private readonly leave: () => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Somebody touches the page. */
  act(): void {
    this.#last = this.now();
    if (this.#heard) return;
    this.#heard = true;
    this.hear();
  }

  /** To be called once in a while. */
  look(): void {
    if (!this.#heard || this.now() - this.#last < IDLE_MS) return;
    this.#heard = false;
    this.leave();
  }
}
