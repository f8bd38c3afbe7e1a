// What somebody who is signed in is to this console. Pure.

import type { SignedIn } from "../contract.ts";

/** "member" is signed in, and has no business here. */
export type Standing = "asking" | "in" | "member" | "out" | "unreachable";

export function standingOf(who: SignedIn): Standing {
  return who.role === "admin" ? "in" : "member";
}

/** What they are called; whoever came by a link has no name. */
export function whoWords(who: SignedIn | null): string {
  return who?.person?.name ?? "Administrator";
}

/** Where signing in leads back to: the page of the console that was asked for. */
export function signInLink(place: string): string {
  return `/sign-in?next=${encodeURIComponent(place)}`;
}
