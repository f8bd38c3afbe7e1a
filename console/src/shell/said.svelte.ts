// What has just been done, in one line at the foot of the page, also spoken by screen readers. It leaves by itself;
// failures stay until they are read.

export interface Said {
  words: string;
  bad: boolean;
  requestId: string | null;
  /** Takes it back. */
  undo: (() => void) | null;
}

const LASTS_MS = 5000;
/** Long enough to read it, think better of it, and reach the button. */
const UNDO_LASTS_MS = 15_000;

class Latest {
  now = $state<Said | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(words: string, bad = false, requestId: string | null = null, undo: (() => void) | null = null): void {
    clearTimeout(this.#timer);
    this.now = { words, bad, requestId, undo };
    if (!bad) this.#timer = setTimeout(() => (this.now = null), undo === null ? LASTS_MS : UNDO_LASTS_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.now = null;
  }
}

export const said = new Latest();
