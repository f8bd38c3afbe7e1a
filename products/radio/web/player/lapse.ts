/** A day in a minute: which phrases are due at which moment of it. */
import type { Phrase } from "../phrase";

export interface Day {
  from_ms: number;
  to_ms: number;
  /** Of the day; those that are played were chosen evenly. */
  total: number;
  phrases: Phrase[];
}

export const LAPSE_MS = 60_000;

export class Lapse {
  #day: Day;
  #next = 0;

  constructor(day: Day) {
    this.#day = { ...day, phrases: [...day.phrases].sort((a, b) => a.at_ms - b.at_ms) };
  }

  get total(): number {
    return this.#day.total;
  }

  /** How many have been played. */
  get played(): number {
    return this.#next;
  }

  /** The time of the day that is heard `elapsed_ms` after the start. */
  timeAt(elapsed_ms: number): number {
    const share = Math.min(1, Math.max(0, elapsed_ms / LAPSE_MS));
    return this.#day.from_ms + share * (this.#day.to_ms - this.#day.from_ms);
  }

  /** The phrases that are due now and were not before. */
  due(elapsed_ms: number): Phrase[] {
    const until = this.timeAt(elapsed_ms);
    const first = this.#next;
    while (this.#next < this.#day.phrases.length && this.#day.phrases[this.#next]!.at_ms <= until) this.#next++;
    return this.#day.phrases.slice(first, this.#next);
  }

  isOver(elapsed_ms: number): boolean {
    return elapsed_ms >= LAPSE_MS;
  }
}
