// What has just been done, in one line at the foot of the page, also spoken by screen readers. It leaves by itself;
// failures stay until they are read.

export interface Said {
  words: string;
  bad: boolean;
  requestId: string | null;
}

const LASTS_MS = 5000;

class Latest {
  now = $state<Said | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(words: string, bad = false, requestId: string | null = null): void {
    clearTimeout(this.#timer);
    this.now = { words, bad, requestId };
    if (!bad) this.#timer = setTimeout(() => (this.now = null), LASTS_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.now = null;
  }
}

export const said = new Latest();
