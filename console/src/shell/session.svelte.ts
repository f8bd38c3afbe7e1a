// Who we are to the server, and whether it can be reached.

import { ApiError, get, onSignedOut, post } from "../shared/api.ts";
import { reconnect } from "../shared/live.ts";

type Standing = "asking" | "in" | "out" | "unreachable";

const ASK_AGAIN_MS = 3000;

class Session {
  standing = $state<Standing>("asking");
  failure = $state<ApiError | null>(null);

  constructor() {
    onSignedOut(() => (this.standing = "out"));
    void this.ask();
  }

  async ask(): Promise<void> {
    try {
      await get("/api/v1/session");
      this.failure = null;
      this.standing = "in";
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
    this.standing = "out";
    // The open connection still carries the old session.
    reconnect();
  }
}

export const session = new Session();
