// Who is here. When the server says that nobody is any more, nothing of the chat stays on the screen; and when another tab signs in as
// somebody else, this one does nothing more with that person's cookie.

import { ApiError, onSignedOut } from "@console/shared/api";
import type { Me } from "../contract";
import { MARK, marked, turned } from "../model/person";
import { net } from "./net.svelte";
import { learn } from "./people.svelte";
import { server, wordsOf } from "./server";

type Stage = "asking" | "in" | "out" | "nobody" | "failed";

/** So long after it was asked for, a session is taken to be whose it was, milliseconds. */
const SURE_MS = 30_000;

class Who {
  stage = $state<Stage>("asking");
  me = $state.raw<Me>({ id: "", name: "", email: null, role: "member" });
  why = $state("");
  /** Told when nobody is here any more; true where the person signed out. */
  readonly ended = new Set<(left: boolean) => void>();
  #lookedAt = 0;

  constructor() {
    onSignedOut(() => this.#end("out"));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#returned());
    addEventListener("pageshow", (event) => event.persisted && this.#returned());
    addEventListener("storage", (event) => (event.key === MARK || event.key === null) && this.#compare());
  }

  async ask(): Promise<void> {
    try {
      const { person } = await server.session();
      // It was asked twice, and the other answer was first.
      if (this.stage === "in") return;
      if (!person) this.#end("nobody");
      else if (this.me.id !== "") this.#anew();
      else {
        this.is(person);
        this.#lookedAt = Date.now();
        this.stage = "in";
        mark(person.id);
      }
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 401) this.#end("out");
      else if (this.stage !== "out" && this.stage !== "in") {
        this.why = wordsOf(failure);
        this.stage = "failed";
      }
    }
  }

  is(person: Me): void {
    this.me = person;
    learn([person]);
  }

  /** Is the session still there, and still this person's? */
  async look(): Promise<void> {
    if (this.stage !== "in") return;
    try {
      const began = performance.now();
      const { person } = await server.session();
      net.took(performance.now() - began);
      if (this.stage !== "in") return;
      const now = turned(this.me.id, person?.id ?? null);
      if (now === "same") {
        this.#lookedAt = Date.now();
        if (markOf(this.me.id) === null) mark(this.me.id);
      } else if (now === "other") this.#anew();
      else this.#end("nobody");
    } catch {
      // 401 ends it by `onSignedOut`; anything else is not known yet.
    }
  }

  /** Before anything is said in the person's name: would it be in that name? */
  async sure(): Promise<boolean> {
    this.#compare();
    if (this.stage === "in" && Date.now() - this.#lookedAt > SURE_MS) await this.look();
    return this.stage === "in" && Date.now() - this.#lookedAt <= SURE_MS;
  }

  async signOut(): Promise<void> {
    await server.signOut();
    mark("");
    this.#end("out", true);
  }

  #returned(): void {
    if (this.stage === "in") void this.look();
    else if (this.stage !== "asking") void this.ask();
  }

  #compare(): void {
    if (this.stage !== "in") {
      // At the gate: somebody may have signed in.
      if (this.stage !== "asking") void this.ask();
      return;
    }
    const now = marked(this.me.id, markOf(this.me.id));
    if (now === "other") this.#anew();
    else if (now === "left") this.#end("out", true);
    else if (now === "ask") void this.look();
  }

  /** The page begins again: what it holds and listens to is of a session that is over. */
  #anew(): void {
    this.#tell(false);
    this.stage = "asking";
    location.reload();
  }

  #end(stage: "out" | "nobody", left = false): void {
    const was = this.stage;
    this.stage = stage;
    if (was !== "in") return;
    this.#tell(left);
    if (!left && markOf("") === this.me.id) mark(null);
  }

  #tell(left: boolean): void {
    for (const tell of this.ended) tell(left);
  }
}

/** Without storage the tabs do not know of each other; the server is asked all the same. */
function markOf(without: string): string | null {
  try {
    return localStorage.getItem(MARK);
  } catch {
    return without;
  }
}

function mark(person: string | null): void {
  try {
    if (person === null) localStorage.removeItem(MARK);
    else localStorage.setItem(MARK, person);
  } catch {
    // See `markOf`.
  }
}

export const who = new Who();

/** Where to sign in and come back from. */
export function signInPath(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}
