// What the page asks of the server. Each answers or throws an `ApiError`, whose words are for people.

import { ApiError, get, patch, post, problemOf, put, remove, withQuery } from "@console/shared/api";
import type { Account, Analytics, Figures, FileOf, Line, Me, Message, Page, Pin, Profile, Pulse, QuickReply, ReceiptOf, RoomFigures, RoomWatched, Settings, Standing, Status, Wanted, Whereabouts, Whole } from "../contract";
import { SIFTED, type Happening } from "../model/activity";
import { outcomeOf } from "../model/outbox";

const API = "/api/v1/chat";
const room = (id: string): string => `${API}/rooms/${encodeURIComponent(id)}`;
const account = (id: string): string => `/api/v1/people/${encodeURIComponent(id)}`;

export interface Session {
  role: "admin" | "member";
  /** Null for the administrator by a link, who is nobody in a room. */
  person: Me | null;
}

export interface Found {
  items: Message[];
  people: Profile[];
  next: string | null;
}

export interface Face {
  avatar: string | null;
}

/** One's own picture, or that of a group. */
const facePath = (group: string | null): string => (group ? `${room(group)}/avatar` : `${API}/avatar`);

export const server = {
  session: () => get<Session>("/api/v1/session"),
  signOut: () => post<void>("/api/v1/session/end"),
  rename: (name: string) => patch<Me>("/api/v1/me", { name }),

  rooms: (archived: boolean, before?: string) => get<{ items: Line[]; people: Profile[]; whereabouts: Whereabouts[]; next: string | null }>(`${API}/rooms`, { archived: archived ? "true" : null, before, limit: 100 }),
  room: (id: string) => get<Whole>(room(id)),
  makeGroup: (name: string, description: string, people: string[]) => post<Whole>(`${API}/rooms`, { name, description, people }),
  makeDirect: (person: string) => post<Whole>(`${API}/rooms/direct`, { person }),
  describe: (id: string, name: string, description: string) => patch<Whole>(room(id), { name, description }),
  deleteRoom: (id: string) => remove(room(id)),
  leave: (id: string) => post<void>(`${room(id)}/leave`),
  setMine: (id: string, mine: { muted_until_ms?: number; archived?: boolean }) => patch<void>(`${room(id)}/mine`, mine),
  addMembers: (id: string, people: string[]) => post<unknown>(`${room(id)}/members`, { people }),
  removeMember: (id: string, person: string) => remove(`${room(id)}/members/${person}`),
  setRole: (id: string, person: string, role: string) => put<void>(`${room(id)}/members/${person}`, { role }),
  people: (q: string) => get<{ items: Profile[]; whereabouts: Whereabouts[]; next: string | null }>(`${API}/people`, { q, limit: 50 }),

  face: () => get<Face>(`${API}/avatar`),
  dropFace: (group: string | null) => remove(facePath(group)),

  messages: (id: string, at: { before?: number; after?: number; limit?: number }) => get<Page>(`${room(id)}/messages`, at),
  send: (id: string, message: { client_id: string; content: string; reply_to?: number; file_id?: string }) => post<Message>(`${room(id)}/messages`, message),
  edit: (id: string, seq: number, content: string) => patch<Message>(`${room(id)}/messages/${seq}`, { content }),
  erase: (id: string, seq: number) => remove(`${room(id)}/messages/${seq}`),
  react: (id: string, seq: number, emoji: string, on: boolean) => post<unknown>(`${room(id)}/messages/${seq}/reactions`, { emoji, on }),
  reactors: (id: string, seq: number) => get<{ items: { emoji: string; person: string; at_ms: number }[] }>(`${room(id)}/messages/${seq}/reactions`),
  receive: (id: string, receipt: { read?: number; delivered?: number }) => post<unknown>(`${room(id)}/receipts`, receipt),
  typing: (id: string, on: boolean) => post<void>(`${room(id)}/typing`, { on }),
  pins: (id: string) => get<{ items: Pin[] }>(`${room(id)}/pins`),
  pin: (id: string, seq: number) => put<void>(`${room(id)}/pins/${seq}`, undefined),
  unpin: (id: string, seq: number) => remove(`${room(id)}/pins/${seq}`),

  receipts: (id: string, seq: number) => get<{ items: ReceiptOf[] }>(`${room(id)}/messages/${seq}/receipts`),
  status: () => get<{ status: Status; away: boolean; shows_last_seen: boolean }>(`${API}/status`),
  setStatus: (change: { away?: boolean; shows_last_seen?: boolean }) => patch<void>(`${API}/status`, change),

  hidden: (id: string) => get<{ items: number[] }>(`${room(id)}/hidden`),
  hide: (id: string, seq: number) => put<void>(`${room(id)}/hidden/${seq}`, undefined),
  unhide: (id: string, seq: number) => remove(`${room(id)}/hidden/${seq}`),

  mentions: (limit: number, before: string | null) => get<Found>(`${API}/mentions`, { limit, before }),
  search: (q: string, inRoom: string | null, before?: string | null) => get<Found>(`${API}/search`, { q, room: inRoom, before }),
  replies: () => get<{ items: QuickReply[] }>(`${API}/quick-replies`),
  keepReply: (shortcut: string, content: string) => put<void>(`${API}/quick-replies/${encodeURIComponent(shortcut)}`, { content }),
  dropReply: (shortcut: string) => remove(`${API}/quick-replies/${encodeURIComponent(shortcut)}`),

  wanted: () => get<Wanted>(`${API}/notifications`),
  want: (wanted: Wanted) => put<void>(`${API}/notifications`, wanted),

  standing: () => get<Standing>(`${API}/standing`),
  figures: () => get<Figures>(`${API}/admin/stats`),
  pulse: () => get<Pulse>(`${API}/admin/pulse`),
  analytics: (days: number) => get<Analytics>(`${API}/admin/analytics`, { days }),
  happenings: (before: number | null) => get<{ items: Happening[]; next: number | null }>("/api/v1/events", { filter: SIFTED, before, limit: 30 }),
  accounts: (q: string, before: string | null) => get<{ items: Account[]; next: string | null }>("/api/v1/people", { q, before, limit: 25 }),
  setAccountRole: (id: string, role: string) => patch<Account>(account(id), { role }),
  ban: (id: string) => put<Account>(`${account(id)}/ban`, {}),
  unban: (id: string) => remove(`${account(id)}/ban`),
  dropAccount: (id: string) => remove(account(id)),
  watchedRoom: (id: string) => get<RoomWatched>(`${API}/admin/rooms/${encodeURIComponent(id)}`),
  allRooms: (before?: string) => get<{ items: RoomFigures[]; next: string | null }>(`${API}/admin/rooms`, { before, limit: 50 }),
  closeRoom: (id: string) => remove(`${API}/admin/rooms/${encodeURIComponent(id)}`),
  settings: () => get<Settings>(`${API}/admin/settings`),
  saveSettings: (settings: Settings) => put<Settings>(`${API}/admin/settings`, settings),
};

export const fileUrl = (id: string): string => `${API}/files/${encodeURIComponent(id)}`;
export const previewUrl = (id: string): string => `${fileUrl(id)}/preview`;
export const cardImageUrl = (id: string): string => `${API}/previews/${encodeURIComponent(id)}/image`;

/** Sends a file up. */
export async function upload(id: string, file: Blob, name: string, durationMs: number | null, progress: (share: number) => void, signal: AbortSignal): Promise<FileOf> {
  return (await sentUp<{ file: FileOf }>(withQuery(`${room(id)}/files`, { name, duration_ms: durationMs }), file, progress, signal)).file;
}

/** Gives a picture to oneself or to a group. */
export function giveFace(group: string | null, picture: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<Face> {
  return sentUp<Face>(facePath(group), picture, progress, signal);
}

/** `fetch` tells of no progress upwards, so this is an XMLHttpRequest. */
function sentUp<T>(path: string, file: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-Mainspring-Console", "1");
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, "UNREACHABLE", "The server cannot be reached", "The file did not arrive.", null));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      try {
        if (request.status === 201 || request.status === 200) resolve(JSON.parse(request.responseText) as T);
        else {
          const told = ["content-type", "retry-after", "x-request-id"].map((name): [string, string] => [name, request.getResponseHeader(name) ?? ""]);
          const headers = new Headers(told.filter(([, value]) => value !== ""));
          reject(problemOf(new Response(null, { status: request.status, headers }), request.responseText));
        }
      } catch {
        reject(new ApiError(request.status, "UNEXPECTED_ANSWER", "Not the expected answer", "The file did not arrive.", null));
      }
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

/** Why an upload failed, and what to do, in a sentence. */
export function uploadWords(failure: unknown): string {
  if (!(failure instanceof ApiError)) return "The file could not be read. Choose it again.";
  if (failure.status === 404) return "You are not in this room any more.";
  if (failure.status === 405 || failure.status === 501) return "This server does not take files yet.";
  if (failure.status === 429) return failure.retryAfterS ? `That was much in a short time. Try again in ${failure.retryAfterS} s.` : "That was much in a short time. Try again in a moment.";
  if (failure.status === 413) return "The file is larger than 10 MiB. Make it smaller, or share a link to it.";
  if (failure.status === 0) return "No connection. Try again when you are online.";
  return failure.detail;
}

/** Whether another try may help: no answer came, or one that may be another one tomorrow. Of a session that is over nothing helps. */
export function mayHelp(failure: unknown): boolean {
  if (failure === null) return false;
  if (!(failure instanceof ApiError)) return true;
  return failure.status !== 401 && outcomeOf(failure.status, "").kind === "later";
}

/** What went wrong and what to do about it, for people. */
export function wordsOf(failure: unknown): string {
  if (!(failure instanceof ApiError)) return "That did not work. Reload the page and try again.";
  if (failure.code === "UNREACHABLE") return "No connection to the server. Try again in a moment.";
  const field = failure.errors[0];
  const detail = field ? `${field.pointer.replace(/^\//, "")}: ${field.detail}.` : failure.detail;
  if (failure.status === 429) return `That was much in a short time. ${failure.advice}`;
  return failure.status >= 500 ? `${failure.title}. ${failure.advice} ${failure.requestId ?? ""}` : detail;
}
