// People and invitations in words, and what is sent about them. Pure.

import type { Invitation, Person, Role } from "../../contract.ts";
import { absolute } from "../../shared/format.ts";

export const ROLES: { value: Role; label: string }[] = [
  { value: "member", label: "Member" },
  { value: "admin", label: "Administrator" },
];

export const ROLE_WORDS: Record<Role, { name: string; may: string }> = {
  member: { name: "member", may: "uses the products; this console stays closed" },
  admin: { name: "administrator", may: "may do everything, here and over the API" },
};

/** How long a ban lasts, from now; null is for ever. */
export const SPANS: { value: string | null; label: string }[] = [
  { value: "24", label: "1 day" },
  { value: "168", label: "7 days" },
  { value: "720", label: "30 days" },
  { value: null, label: "For ever" },
];

/** The last millisecond of the year 9999, as the server says for ever. */
const FOR_EVER_MS = 253_402_300_799_999;

/** Whether a person is banned at this moment. */
export function isBanned(person: Person, nowMs: number): boolean {
  return person.banned_until_ms !== null && person.banned_until_ms > nowMs;
}

/** The end of a ban as it is asked for; null is for ever. */
export function banEnd(untilMs: number): number | null {
  return untilMs >= FOR_EVER_MS ? null : untilMs;
}

/** "for ever", "until 2026-11-23 08:00:00". */
export function banWords(untilMs: number): string {
  const end = banEnd(untilMs);
  return end === null ? "for ever" : `until ${absolute(end)}`;
}

/** What a form changes of a person; null when nothing. */
export function changesOf(before: Person, name: string, role: Role): { name?: string; role?: Role } | null {
  const changes = { ...(name.trim() === before.name ? {} : { name: name.trim() }), ...(role === before.role ? {} : { role }) };
  return Object.keys(changes).length === 0 ? null : changes;
}

/** The same fields as they were: takes the changes back. */
export function undoOf(before: Person, changes: { name?: string; role?: Role }): { name?: string; role?: Role } {
  return { ...("name" in changes ? { name: before.name } : {}), ...("role" in changes ? { role: before.role } : {}) };
}

/** The whole link of a path that the server made, as somebody elsewhere opens it. */
export function linkOf(origin: string, path: string): string {
  return new URL(path, origin).href;
}

/** A password that nobody knows, until its owner sets one by a link. */
export function unguessable(random: Uint8Array): string {
  return [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whom an invitation is for. */
export function forWhom(invitation: Invitation): string {
  return invitation.note === "" ? `Invitation ${invitation.id}` : invitation.note;
}

/** What a deletion takes, and what it leaves. */
export function deletionWords(name: string, mine: boolean): string {
  const gone = `Delete ${name} for ever? Their name, address and password go, and every browser of theirs is signed out.`;
  const stays = "What they wrote stays, as by “Deleted person”, and so do the entries of the audit log.";
  return mine ? `${gone} ${stays} That is you: you are signed out at once.` : `${gone} ${stays}`;
}
