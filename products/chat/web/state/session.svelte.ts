// Who is here. When the server says that nobody is any more, nothing of the chat stays on the screen.

import { ApiError, onSignedOut } from "@console/shared/api";
import type { Me } from "../contract";
import { net } from "./net.svelte";
import { learn } from "./people.svelte";
import { server, wordsOf } from "./server";

type Stage = "asking" | "in" | "out" | "nobody" | "failed";

class Who {
  stage = $state<Stage>("asking");
  me = $state.raw<Me>({ id: "", name: "", email: null, role: "member" });
  why = $state("");

  constructor() {
    onSignedOut(() => this.#end());
  }

  async ask(): Promise<void> {
    try {
      const { person } = await server.session();
      if (!person) this.stage = "nobody";
      else {
        this.is(person);
        this.stage = "in";
      }
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 401) this.#end();
      else {
        this.why = wordsOf(failure);
        this.stage = "failed";
      }
    }
  }

  is(person: Me): void {
    this.me = person;
    learn([person]);
  }

  /** The realtime connection was closed for good: is the session over? */
  async look(): Promise<void> {
    try {
      const began = performance.now();
      await server.session();
      net.took(performance.now() - began);
    } catch {
      // 401 ends it by `onSignedOut`; anything else is not known yet.
    }
  }

  async signOut(): Promise<void> {
    await server.signOut();
    this.stage = "out";
  }

  #end(): void {
    this.stage = "out";
  }
}

export const who = new Who();

/** Where to sign in and come back from. */
export function signInPath(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}
