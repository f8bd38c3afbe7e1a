// What is half written in each room, while the page is open and over a reload.

import { who } from "../state/session.svelte";

const prefix = (): string => `mainspring.chat.draft.${who.me.id}.`;
const key = (room: string): string => prefix() + room;

export function draftOf(room: string): string {
  try {
    return sessionStorage.getItem(key(room)) ?? "";
  } catch {
    return "";
  }
}

export function keepDraft(room: string, text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(key(room));
    else sessionStorage.setItem(key(room), text);
  } catch {
    // Without storage it lasts as long as the room is open.
  }
}

/** Whoever signs out leaves nothing half written behind. */
export function dropDrafts(): void {
  try {
    for (const one of Object.keys(sessionStorage)) if (one.startsWith(prefix())) sessionStorage.removeItem(one);
  } catch {
    // Without storage there are none.
  }
}
