// So many at a time, and the others in their order.

export class Turns {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** Answers, when it is one's turn, how to end it. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((turn) => this.#waiting.push(turn));
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const next = this.#waiting.shift();
      // The turn is handed on: nobody comes in between.
      if (next) next();
      else this.#free += 1;
    };
  }
}
