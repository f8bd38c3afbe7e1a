// Who we are to the server, and whether it can be reached.

import type { SignedIn } from "../contract.ts";
import { ApiError, get, onSignedOut, post } from "../shared/api.ts";
import { reconnect } from "../shared/live.ts";
import { standingOf, type Standing } from "./standing.ts";

const ASK_AGAIN_MS = 3000;

class Session {
  standing = $state<Standing>("asking");
  /** Who this browser is, while somebody is signed in. */
  who = $state.raw<SignedIn | null>(null);
  failure = $state<ApiError | null>(null);

  constructor() {
    onSignedOut(() => this.#out());
    void this.ask();
  }

  async ask(): Promise<void> {
    try {
      const who = await get<SignedIn>("/api/v1/session");
      this.failure = null;
      this.who = who;
      this.standing = standingOf(who);
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      if (failure.status === 401) return;
      this.failure = failure;
      this.standing = "unreachable";
      setTimeout(() => void this.ask(), ASK_AGAIN_MS);
    }
  }

  async end(): Promise<void> {
    await post("/api/v1/session/end");
    this.#out();
    // The open connection still carries the old session.
    reconnect();
  }

  #out(): void {
    this.standing = "out";
    this.who = null;
  }
}

export const session = new Session();
