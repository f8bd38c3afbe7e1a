// What the server answers and tells, as types. The reference is /api/v1/openapi.json.

export type Role = "owner" | "admin" | "member";

export interface Profile {
  id: string;
  name: string;
  /** Where the person's picture is read; null without one, absent where nothing is said of it. */
  avatar?: string | null;
}

export interface Me extends Profile {
  email: string | null;
  role: "admin" | "member";
}

export type Status = "online" | "away" | "offline";

/** Where somebody is, as others see it. */
export interface Whereabouts {
  person: string;
  status: Status;
  last_seen_at_ms: number | null;
}

/** How far a message has come with somebody, and when; no time where nobody knows it. */
export interface ReceiptOf {
  person: string;
  delivered: boolean;
  delivered_at_ms: number | null;
  read: boolean;
  read_at_ms: number | null;
}

export interface Quoted {
  seq: number;
  /** Absent when the message is gone. */
  sender: string | null;
  content: string;
  deleted: boolean;
}

export interface Reaction {
  emoji: string;
  count: number;
  mine: boolean;
}

export interface FileOf {
  id: string;
  kind: "image" | "video" | "audio" | "file";
  name: string;
  mime: string;
  bytes: number;
  width?: number | null;
  height?: number | null;
  duration_ms?: number | null;
}

export interface Preview {
  id: string;
  url: string;
  title: string;
  description: string | null;
  site: string | null;
  image: boolean;
}

export interface Message {
  room: string;
  /** Its number in the room's log. */
  seq: number;
  sender: string;
  client_id: string;
  content: string;
  at_ms: number;
  edited_at_ms: number | null;
  deleted: boolean;
  mentions: string[];
  reply: Quoted | null;
  file?: FileOf | null;
  previews?: Preview[];
  /** What is under it; absent where a message is told by itself. */
  reactions?: Reaction[];
}

export interface Page {
  items: Message[];
  more: boolean;
  people: Profile[];
  /** The last number of the log when this was read. */
  top: number;
}

export interface Member {
  person: string;
  role: Role;
  joined_at_ms: number;
  read: number;
  delivered: number;
  /** The account is gone for ever: it gets and reads nothing any more. Put here by the page, of what a room says. */
  gone?: boolean;
}

export interface LastMessage {
  seq: number;
  sender: string;
  content: string;
  at_ms: number;
  deleted: boolean;
  /** What was sent beside the words, or instead of them. */
  file?: FileOf["kind"] | null;
}

/** A room in somebody's list. */
export interface Line {
  room: string;
  direct: boolean;
  name: string;
  description: string;
  top: number;
  made_by: string;
  made_at_ms: number;
  last_at_ms: number;
  /** Where the group's picture is read. */
  avatar?: string | null;
  role: Role;
  unread: number;
  mentions: number;
  read: number;
  muted_until_ms: number;
  archived: boolean;
  other: string | null;
  last_message: LastMessage | null;
}

export interface Whole extends Line {
  members: Member[];
  /** Members whose accounts are gone for ever. */
  gone: string[];
  people: Profile[];
  whereabouts: Whereabouts[];
}

/** Something that happened in a room: what its channel carries. */
export interface Entry {
  type: string;
  seq: number;
  at_ms: number;
  by: string;
  message?: number;
  body?: Message;
  emoji?: string;
  on?: boolean;
  person?: string;
  role?: Role;
  name?: string;
  description?: string;
}

/** What a person is told of all of its rooms. */
export type Notice =
  | { type: "message"; room: string; seq: number; by: string; mentions_you: boolean; last_message: LastMessage }
  | { type: "last"; room: string; last_message: LastMessage }
  | { type: "unread"; room: string; read: number; unread: number; mentions: number; last_message: LastMessage | null }
  | { type: "hidden"; room: string; seq: number; on: boolean; read: number; unread: number; mentions: number; last_message: LastMessage | null }
  | { type: "room"; room: string }
  | { type: "left"; room: string };

/** Somebody whom one shares a room with, or oneself, has another picture, or none. */
export interface FaceNotice {
  type: "person";
  person: string;
  avatar: string | null;
}

export interface Pin {
  by: string;
  pinned_at_ms: number;
  message: Message;
}

export interface QuickReply {
  shortcut: string;
  content: string;
}

/** How somebody wants to be told outside the room. */
export interface Wanted {
  mentions_through_mute: boolean;
  /** A letter about what was unread for so long; 0 for none. */
  digest_after_minutes: number;
}

export interface Figures {
  groups: number;
  direct_rooms: number;
  people: number;
  messages: number;
  messages_last_hour: number;
  speakers_last_day: number;
}

export interface RoomFigures {
  room: string;
  direct: boolean;
  name: string;
  members: number;
  messages: number;
  made_by: string;
  made_at_ms: number;
  last_at_ms: number;
}

/** How it goes now; minutes are oldest first. */
export interface Pulse {
  now_ms: number;
  registered: number;
  /** Who has the chat open. */
  online: number;
  counting: boolean;
  messages: { at_ms: number; count: number }[];
  people: { at_ms: number; count: number }[];
}

export interface Analytics {
  since_ms: number;
  hours: { at_ms: number; messages: number; reactions: number; rooms: number }[];
  days: { at_ms: number; speakers: number }[];
  counting: boolean;
}

/** A room from outside. */
export interface RoomWatched extends RoomFigures {
  files: number;
  bytes: number;
  inside: { person: string; role: string; joined_at_ms: number }[];
  people: Profile[];
}

/** A person as administrators see one. */
export interface Account {
  id: string;
  name: string;
  email: string | null;
  role: "member" | "admin";
  created_at_ms: number;
  signed_in_at_ms: number | null;
  banned_until_ms: number | null;
  ban_reason: string | null;
}

/** What holds for everybody in the chat now. */
export interface Standing {
  /** Who is no administrator reads and does not write. */
  maintenance: boolean;
  notifications: boolean;
  max_members: number;
  max_message_chars: number;
}

export interface Settings {
  /** Of what was read: saved is only what nobody saved over meanwhile. */
  version: number;
  max_members: number;
  max_message_chars: number;
  retention_days: number;
  /** Whose names people are shown, and whom they may begin rooms with. */
  directory: "everyone" | "roommates";
  maintenance: boolean;
  /** People may come by themselves, as far as the server's settings allow. */
  registrations: boolean;
  notifications: boolean;
  analytics: boolean;
}

/** A text of a message, characters, whatever the settings say. */
export const MESSAGE_CHARS = 2000;
/** A file, bytes. */
export const FILE_BYTES = 10 * 1024 * 1024;
/** A picture of a person or a group, bytes. */
export const FACE_BYTES = 5 * 1024 * 1024;
