/**
 * Which phrases are new, and which of the new ones sound. Numbers are dense per station and a phrase may arrive
 * several times (recovery, a reconnect, the state after a gap), but it is heard at most once.
 */

import sound from "../../sound.json";

/** Older than this on arrival, a phrase is history: shown, not played (docs/protocol/phrase.md). */
export const HISTORY_MS = sound.air.history_ms;

export interface Numbered { n: number; at_ms: number }

export function isHistory(phrase: Numbered, server_now_ms: number): boolean {
  return server_now_ms - phrase.at_ms > HISTORY_MS;
}

/** Remembers the numbers that were admitted, in bounded space: far below the newest, everything counts as seen. */
export class Admission {
  #seen = new Set<number>();
  #latest = 0;

  static readonly REMEMBERED = 1024;

  /** True once per number. Test phrases (n = 0) belong to no station's count and are always new. */
  admit(n: number): boolean {
    if (n === 0) return true;
    if (n <= this.#latest - Admission.REMEMBERED || this.#seen.has(n)) return false;
    this.#seen.add(n);
    this.#latest = Math.max(this.#latest, n);
    if (this.#seen.size > Admission.REMEMBERED) this.#seen.delete(this.#seen.values().next().value!);
    return true;
  }

  get latest(): number {
    return this.#latest;
  }

  /** A station whose numbers start again (a new epoch) forgets what was seen. */
  reset(): void {
    this.#seen.clear();
    this.#latest = 0;
  }
}

/** Newest first, each number once, at most `max`. Of two copies the one already shown stays. */
export function mergeRecent<T extends Numbered>(shown: readonly T[], arrived: readonly T[], max: number): T[] {
  const known = new Set(shown.map((one) => one.n));
  const fresh = arrived.filter((one) => !known.has(one.n) && (known.add(one.n), true));
  return [...shown, ...fresh].sort((a, b) => b.n - a.n).slice(0, max);
}
