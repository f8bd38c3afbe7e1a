// How the network is: for the line at the top, and for whoever waits to send.

import { live, onLiveState, type LiveState } from "@console/shared/live";

/** A connection that was just lost is not worth a word yet, milliseconds. */
const GRACE_MS = 1_500;
/** An answer that takes longer than this is slow, milliseconds. */
const SLOW_MS = 1_500;

class Net {
  online = $state(navigator.onLine);
  live = $state<LiveState>("connecting");
  slow = $state(false);
  /** Lost for longer than a moment. */
  lost = $state(false);
  #later: ReturnType<typeof setTimeout> | undefined;
  #told = new Set<() => void>();

  constructor() {
    addEventListener("online", () => this.#set(true));
    addEventListener("offline", () => this.#set(false));
  }

  /**
   * Opens the realtime connection and watches it. `doubt` is called when the server will not have us any more, and whenever the connection
   * came back: it may be somebody else's by then, or nobody's.
   */
  begin(doubt: () => void): void {
    let was = false;
    live();
    onLiveState((state) => {
      this.live = state;
      clearTimeout(this.#later);
      if (state === "live") {
        this.lost = false;
        if (was) doubt();
        was = true;
        this.#tell();
      } else {
        this.#later = setTimeout(() => (this.lost = true), GRACE_MS);
        if (state === "closed") doubt();
      }
    });
  }

  get words(): string {
    if (!this.online) return "You are offline. What you write is kept and sent when you are back.";
    if (this.lost) return "Connecting… What you write is kept and sent then.";
    return this.slow ? "The connection is slow." : "";
  }

  /** Calls when it may work again. Answers how to stop. */
  onBack(tell: () => void): () => void {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  /** How long an answer took. */
  took(ms: number): void {
    this.slow = ms > SLOW_MS;
  }

  #set(online: boolean): void {
    this.online = online;
    if (online) this.#tell();
  }

  #tell(): void {
    for (const tell of this.#told) tell();
  }
}

export const net = new Net();
