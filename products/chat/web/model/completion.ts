// What is offered while somebody writes: people behind an `@`, quick replies behind a `/` at the beginning.

import type { QuickReply } from "../contract";
import type { Named } from "./markup";

export type Offer = { kind: "person"; person: Named } | { kind: "reply"; reply: QuickReply };

export interface Offered {
  /** Where what would be replaced begins. */
  from: number;
  offers: Offer[];
}

/** Offers at a time. */
const MOST = 8;

/** What may stand where the caret is. Names have spaces: what is behind the `@` may have one too. */
export function offered(text: string, caret: number, people: Named[], replies: QuickReply[]): Offered | null {
  const before = text.slice(0, caret);
  const slash = /^\/([a-z0-9-]*)$/.exec(before);
  if (slash) {
    const begun = slash[1] ?? "";
    const offers = replies.filter((reply) => reply.shortcut.startsWith(begun)).slice(0, MOST);
    return offers.length > 0 ? { from: 0, offers: offers.map((reply) => ({ kind: "reply", reply })) } : null;
  }
  const at = before.lastIndexOf("@");
  if (at < 0 || /[\p{L}\p{N}]/u.test(before[at - 1] ?? "")) return null;
  const begun = before.slice(at + 1).toLowerCase();
  if (begun.length > 50 || begun.includes("\n") || begun.startsWith(" ")) return null;
  const words = (name: string): boolean => name.startsWith(begun) || name.split(" ").some((word) => word.startsWith(begun));
  const fits = people.filter((one) => words(one.name.toLowerCase()));
  // A name that stands there whole needs no offer.
  if (fits.length === 0 || fits.some((one) => one.name.toLowerCase() === begun)) return null;
  return { from: at, offers: fits.slice(0, MOST).map((person) => ({ kind: "person", person })) };
}

/** The text with an offer taken, and where the caret is then. */
export function taken(text: string, caret: number, from: number, offer: Offer): { text: string; caret: number } {
  const put = offer.kind === "person" ? `@${offer.person.name} ` : offer.reply.content;
  const rest = text.slice(caret);
  return { text: text.slice(0, from) + put + (offer.kind === "person" ? rest.replace(/^ /, "") : rest), caret: from + put.length };
}
