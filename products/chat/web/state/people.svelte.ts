// What people are called and how they look, by id, and who is there.

import { SvelteMap } from "svelte/reactivity";
import type { Profile, Status, Whereabouts } from "../contract";
import * as status from "../model/status";

const names = new SvelteMap<string, string>();

/** Where people are, by the server's word. */
const told = new SvelteMap<string, Whereabouts>();

export function learn(people: Profile[], whereabouts: Whereabouts[] = []): void {
  for (const one of whereabouts) told.set(one.person, one);
  for (const one of people) {
    if (names.get(one.id) !== one.name) names.set(one.id, one.name);
    showFace(one.id, one.avatar);
  }
}

export function nameOf(id: string | null | undefined): string {
  return (id ? names.get(id) : undefined) ?? "Somebody";
}

export function isKnown(id: string): boolean {
  return names.has(id);
}

/** Pictures of people and of groups. */
const faces = new SvelteMap<string, string>();
/** Addresses of pictures that were replaced: none of them comes back, whatever was read before and is answered late. */
const over = new Set<string>();

/** How somebody, or a group, looks, as it was read. Where nothing is said of it, nothing changes. */
export function showFace(id: string, avatar: string | null | undefined): void {
  if (avatar === undefined || (avatar !== null && over.has(avatar))) return;
  if (avatar === null) faces.delete(id);
  else if (faces.get(id) !== avatar) faces.set(id, avatar);
}

/** Another picture was given, or the one that was is taken back. */
export function changeFace(id: string, avatar: string | null): void {
  // Told late of what was replaced since.
  if (avatar !== null && over.has(avatar)) return;
  const before = faces.get(id);
  if (before !== undefined && before !== avatar) over.add(before);
  showFace(id, avatar);
}

export function faceOf(id: string): string | undefined {
  return faces.get(id);
}

/** People with sockets, by room: a person is there until the last of them is gone. */
class Presence {
  #rooms = new Map<string, Map<string, string>>();
  #online = $state.raw<ReadonlySet<string>>(new Set());

  is(person: string | null): boolean {
    return person !== null && this.#online.has(person);
  }

  whole(room: string, clients: { client: string; user: string }[]): void {
    this.#rooms.set(room, new Map(clients.map((one) => [one.client, one.user])));
    this.#count();
  }

  joined(room: string, client: string, user: string): void {
    const there = this.#rooms.get(room) ?? new Map<string, string>();
    this.#rooms.set(room, there.set(client, user));
    this.#count();
  }

  left(room: string, client: string): void {
    const user = this.#rooms.get(room)?.get(client);
    if (user === undefined) return;
    this.#rooms.get(room)?.delete(client);
    this.#count();
    // Gone at once; since when, the server says when it is sure that nobody comes back, which may be before this.
    if (!this.is(user) && told.get(user)?.status !== "offline") told.set(user, { person: user, status: "offline", last_seen_at_ms: null });
  }

  forget(room: string): void {
    if (this.#rooms.delete(room)) this.#count();
  }

  #count(): void {
    const online = new Set<string>();
    for (const there of this.#rooms.values()) for (const user of there.values()) online.add(user);
    if (online.size !== this.#online.size || [...online].some((user) => !this.#online.has(user))) this.#online = online;
  }
}

export const presence = new Presence();

export function statusOf(person: string | null): Status {
  return person === null ? "offline" : status.statusOf(told.get(person), presence.is(person));
}

/** "Online", "Away", "Last seen 5 minutes ago", "Offline". */
export function statusWords(person: string | null, nowMs: number): string {
  return status.statusWords(statusOf(person), person === null ? null : (told.get(person)?.last_seen_at_ms ?? null), nowMs);
}
