// Made by `npm run generate` from the OpenAPI description of a server. Not edited by hand.

/** The answer to a delivery that is in the log. */
export interface Accepted {
  /** Our id of this delivery. */
  delivery: string;
  /** Its event in the log; none yet when the delivery waits in a file for the store to come back. */
  event_position?: number | null;
  /** `accepted`, or `duplicate` when it was in the log already. */
  status: Verdict;
}

/** A budget that burns, or burned, too fast. Times are Unix milliseconds. */
export interface Alert {
  /** When a person took note. */
  acknowledged_at_ms?: number | null;
  /** Bad ones in the long window then. */
  bad: number;
  /** When its rule last held. */
  fired_at_ms: number;
  /** Its number. */
  id: string;
  /** The burn of the long window when the rule last held. */
  long_burn: number;
  /** The window that says it matters, minutes. */
  long_min: number;
  /** The objective's name. */
  objective: string;
  /** When it began. */
  opened_at_ms: number;
  /** When it ended. */
  resolved_at_ms?: number | null;
  /** How loud. */
  severity: Severity;
  /** The burn of the short window then. */
  short_burn: number;
  /** The window that says it goes on, minutes. */
  short_min: number;
  /** Where it is in its life. */
  state: AlertState;
  /** The burn that both exceeded. */
  threshold: number;
  /** When somebody was last told. */
  told_at_ms: number;
  /** All of them then. */
  total: number;
}

export interface AlertPage {
  items: Alert[];
  /** Where the next page begins; null on the last. */
  next?: string | null;
}

/** Where an alert is in its life. */
export type AlertState = "open" | "acknowledged" | "resolved";

/** A signature function. */
export type Algorithm = "hmac-sha1" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512" | "ed25519" | "rsa-sha256" | "shared-token";

/** A key as it is listed. */
export interface ApiKey {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** From when on it is worth nothing by itself, Unix milliseconds; null for never. */
  expires_at_ms?: number | null;
  /** The number, as text. */
  id: string;
  /** Unix milliseconds, exact to a minute. */
  last_used_at_ms?: number | null;
  /** Who made it: `admin`, or a person's id; null where it is not known. */
  maker?: string | null;
  /** What people call it. */
  name: string;
  /** Its first characters, to tell keys apart. */
  prefix: string;
  /** Since when it is worth nothing. */
  revoked_at_ms?: number | null;
  /** What it may do. */
  scopes: Scope[];
}

export interface Asked {
  /** Parked events that are tried again. */
  count: number;
}

/** One failed attempt. */
export interface AttemptError {
  /** Unix milliseconds. */
  at_ms: number;
  /** Which attempt, from 1. */
  attempt: number;
  /** What went wrong. */
  message: string;
}

/** One attempt at a message. */
export interface AttemptRow {
  /** How the answer began. */
  answer: string;
  /** Unix milliseconds. */
  began_at_ms: number;
  /** What was wrong. */
  error?: string | null;
  /** The status of the answer. */
  status?: number | null;
  /** Milliseconds. */
  took_ms: number;
}

export interface AuditPage {
  items: Entry[];
  /** Where the next page begins; absent on the last. */
  next?: number | null;
}

export type BTreeMap = Record<string, number>;

export interface Ban {
  /** Why, for other administrators: 500 characters at most. */
  reason?: string;
  /** Until when, Unix milliseconds; for ever unless said. */
  until_ms?: number | null;
}

export interface BatchPage {
  items: BatchRow[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

/** A batch and how far it is. */
export interface BatchRow {
  /** The job that begins when all of them have ended, as text. */
  callback?: string | null;
  /** Of them cancelled. */
  cancelled: number;
  /** Of them completed. */
  completed: number;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Of them discarded. */
  discarded: number;
  /** Since when it is sealed and all its jobs have ended. */
  finished_at_ms?: number | null;
  /** The number, as text. */
  id: string;
  /** What it was called. */
  name: string;
  /** How many have ended, in percent; an empty batch is at 100. */
  percent: number;
  /** Since when nothing more comes in. */
  sealed_at_ms?: number | null;
  /** Jobs in it. */
  total: number;
}

/** One day (UTC). */
export interface BudgetDay {
  /** When it began. */
  at_ms: number;
  bad: number;
  total: number;
}

export interface BulkAnswer {
  /** The job that does it, as text; its progress and its result say how far it is. Absent after a dry run. */
  job?: string | null;
  /** How many jobs fit now; counting stops at 100,000. */
  matching: number;
  /** Whether there are more. */
  more: boolean;
}

export interface BulkBody {
  /** Only count. `true` unless said. */
  dry_run?: boolean | null;
  /** Which jobs; all that the action can be done to unless said. */
  filter?: Filter;
}

/** How many times faster than allowed the budget is spent, over one window. */
export interface Burn {
  bad: number;
  /** 1 spends the whole budget in the whole window. */
  burn: number;
  /** The window, minutes. */
  minutes: number;
  total: number;
}

/** A cat. A hiss has no pitch: `note`, `midi` and `hz` are absent. */
export interface Cat {
  /** Seconds from the start of the phrase. */
  at_s: number;
  /** Seconds that it sounds. */
  duration_s: number;
  /** Frequency. */
  hz?: number | null;
  /** MIDI number. */
  midi?: number | null;
  /** Name and octave, such as `F#4`. */
  note?: string | null;
  /** Where in the measure it does it. */
  place: Place;
  /** What the cat does. */
  sound: CatSound;
  /** Linear gain, 0 to 1. */
  velocity: number;
}

/** The sounds of cats. */
export type CatSound = "purr" | "meow" | "chirp" | "trill" | "mrrp" | "hiss" | "sigh" | "purr_pad" | "kneading";

export interface ChangeBody {
  /** A new description. */
  description?: string | null;
  /** Messages a minute at most; null for no bound. */
  per_minute?: number | null;
  /** New event types. */
  types?: string[] | null;
  /** A new address. */
  url?: string | null;
}

export interface ChatAllRooms {
  items: ChatRoomFigures[];
  /** The `before` of the next page; absent on the last one. */
  next?: string | null;
}

export interface ChatAnalytics {
  /** Whether it is counted now, as the settings say. What happens meanwhile is never counted. */
  counting: boolean;
  /** Days on which somebody said something, oldest first. */
  days: ChatDay[];
  /** Hours in which something happened, oldest first. */
  hours: ChatHour[];
  /** The first moment that is shown, Unix milliseconds. */
  since_ms: number;
}

export interface ChatAvatar {
  /** Where it is read, beside the address of this server: another one for each picture. `null` without one. */
  avatar?: string | null;
}

/** A day (UTC), and how many people said something. */
export interface ChatDay {
  /** When it began, Unix milliseconds. */
  at_ms: number;
  speakers: number;
}

/** Whose names a person is shown, and whom it may write to. */
export type ChatDirectory = "everyone" | "roommates";

/** How much is going on. */
export interface ChatFigures {
  direct_rooms: number;
  groups: number;
  /** Ever sent, in the rooms that there are. */
  messages: number;
  messages_last_hour: number;
  /** People who are in some room. */
  people: number;
  /** People who said something within a day. */
  speakers_last_day: number;
}

/** A file as everybody in the room sees it. */
export interface ChatFile {
  bytes: number;
  /** Of a recording or a video, where it is known. */
  duration_ms?: number | null;
  height?: number | null;
  id: string;
  kind: ChatFileKind;
  /** What its bytes are. */
  mime: string;
  /** What it is called, ending as such a file does. */
  name: string;
  /** Of a picture, pixels, as it is shown. */
  width?: number | null;
}

/** What a page does with a file. */
export type ChatFileKind = "image" | "video" | "audio" | "file";

export interface ChatFileLink {
  expires_at_ms: number;
  /** Beside the address of this server. */
  url: string;
}

export interface ChatFileSent {
  file: ChatFile;
}

export interface ChatFound {
  /** The newest first. */
  items: ChatMessage[];
  /** The `before` of the next page; absent on the last one. */
  next?: string | null;
  /** Who wrote them. */
  people: ChatPerson[];
}

export interface ChatHidden {
  /** The numbers of the messages, the first first: 1,000 at most. */
  items: number[];
}

/** What happened within an hour. */
export interface ChatHour {
  /** When the hour began, Unix milliseconds. */
  at_ms: number;
  /** Sent, those that were deleted afterwards too. */
  messages: number;
  /** Put under messages, those that were taken back too. */
  reactions: number;
  /** Made, direct ones too. */
  rooms: number;
}

export interface ChatInside {
  joined_at_ms: number;
  person: string;
  role: ChatRole;
}

/** The beginning of a room's last message. */
export interface ChatLastMessage {
  at_ms: number;
  content: string;
  deleted: boolean;
  file?: ChatFileKind | null;
  sender: string;
  seq: number;
}

/** Somebody in a room. */
export interface ChatMember {
  /** Has got up to this number. */
  delivered: number;
  joined_at_ms: number;
  person: string;
  /** Has read up to this number. */
  read: number;
  role: ChatRole;
}

export interface ChatMemberRole {
  /** `owner` hands the room over: then the caller is an admin. An admin takes over from an owner whose account is gone. */
  role: ChatRole;
}

export interface ChatMembers {
  members: ChatMember[];
}

/** A message as everybody in the room sees it. */
export interface ChatMessage {
  at_ms: number;
  /** What its sender's client called it. */
  client_id: string;
  /** Text, as it was written; empty when deleted. */
  content: string;
  deleted: boolean;
  edited_at_ms?: number | null;
  file?: ChatFile | null;
  /** The people whom it mentions. */
  mentions: string[];
  /** What its links lead to, once that is known. */
  previews: ChatPreview[];
  reply?: ChatReply | null;
  room: string;
  sender: string;
  /** Its number in the room: the same order for everybody. */
  seq: number;
}

export interface ChatMessageChange {
  content: string;
}

/** A message with what is under it. */
export type ChatMessageShown = ChatMessage & {
  reactions: ChatReaction[];
};

export interface ChatMessages {
  /** In the order of the room. */
  items: ChatMessageShown[];
  /** Whether there are more in the direction that was asked for. */
  more: boolean;
  /** Who wrote them. */
  people: ChatPerson[];
  /** The last number of the room's log when this was read: where to begin listening. */
  top: number;
}

export interface ChatMineChange {
  archived?: boolean | null;
  /** No pushes before this time, Unix milliseconds; 0 is none. */
  muted_until_ms?: number | null;
}

/** A minute. */
export interface ChatMinute {
  /** When it began, Unix milliseconds. */
  at_ms: number;
  count: number;
}

export interface ChatMyStatus {
  /** Whether the caller has said that it is away. */
  away: boolean;
  /** Whether others are shown when the caller was last seen. */
  shows_last_seen: boolean;
  /** What others see. */
  status: ChatStatus;
}

/** How somebody wants to be told outside the room. */
export interface ChatNotifications {
  /** Whether one gets a letter about what was unread for so many minutes: 15 to 10,080; 0 for none. A letter says how much there is and where, and nothing of what was written. */
  digest_after_minutes: number;
  /** Whether a message that mentions one is pushed from a muted room too. */
  mentions_through_mute: boolean;
}

export interface ChatPeople {
  /** Names and pictures alone: nobody's address is shown to others. */
  items: ChatPerson[];
  /** The `after` of the next page; absent on the last one. */
  next?: string | null;
  /** Where they are. */
  whereabouts: ChatWhereabouts[];
}

/** A person as others see one. */
export interface ChatPerson {
  /** Where their picture is read, beside the address of this server. Of whoever is gone there is none. */
  avatar?: string | null;
  id: string;
  /** What people call them. */
  name: string;
}

/** A pinned message. */
export interface ChatPin {
  /** Who pinned it. */
  by: string;
  message: ChatMessage;
  pinned_at_ms: number;
}

export interface ChatPins {
  items: ChatPin[];
}

/** What is shown of a page that a message links to. */
export interface ChatPreview {
  description?: string | null;
  id: string;
  /** Whether it has a picture, at `/api/v1/chat/previews/{id}/image`. */
  image: boolean;
  site?: string | null;
  title: string;
  /** The address, as it stands in the message. */
  url: string;
}

export interface ChatPulse {
  /** Whether it is counted now, as the settings say. What happens meanwhile is in neither list. */
  counting: boolean;
  /** Messages of the last hour that are still there: minutes with any, oldest first. None while nothing is counted. */
  messages: ChatMinute[];
  /** When it was counted, Unix milliseconds. */
  now_ms: number;
  /** People who have the chat open now, each once. */
  online: number;
  /** How many were online in the last day, as of each minute's beginning, oldest first. A minute that is missing was not counted. */
  people: ChatMinute[];
  /** People with an account. */
  registered: number;
}

export interface ChatPushKey {
  /** What a browser wants as `applicationServerKey`, in base64url. */
  key: string;
}

export interface ChatQuickReplies {
  items: ChatQuickReply[];
}

/** A text that somebody often writes. */
export interface ChatQuickReply {
  content: string;
  /** What it is called by, behind a slash. */
  shortcut: string;
}

/** An emoji under a message. */
export interface ChatReaction {
  /** How many people put it there. */
  count: number;
  emoji: string;
  /** Whether the reader is one of them. */
  mine: boolean;
}

export interface ChatReactionState {
  /** Whether the caller's emoji is there now. */
  on: boolean;
}

/** Who put what under a message. */
export interface ChatReactor {
  at_ms: number;
  emoji: string;
  person: string;
}

export interface ChatReactors {
  items: ChatReactor[];
}

export interface ChatReceipt {
  delivered: number;
  read: number;
}

/** How far a message has come with one of those to whom it was said. */
export interface ChatReceiptOf {
  delivered: boolean;
  /** When; absent where it has not come, and where that is not known any more. */
  delivered_at_ms?: number | null;
  person: string;
  read: boolean;
  /** When; absent where it was not read, and where that is not known any more. */
  read_at_ms?: number | null;
}

export interface ChatReceipts {
  /** Everybody else who is in the room, and was when the message came: who read it first is the first, then whom it has come to. */
  items: ChatReceiptOf[];
}

/** The message that another one answers. */
export interface ChatReply {
  /** Its beginning. */
  content: string;
  deleted: boolean;
  /** Absent when it is gone. */
  sender?: string | null;
  seq: number;
}

/** What a person is in a room. In a direct room both are members, and nobody manages it. */
export type ChatRole = "owner" | "admin" | "member";

/** A room as its members see it. */
export interface ChatRoom {
  /** Where its picture is read, beside the address of this server. */
  avatar?: string | null;
  description: string;
  /** Between two people; then it has no name of its own. */
  direct: boolean;
  /** When the last message came, or the room was made. */
  last_at_ms: number;
  made_at_ms: number;
  made_by: string;
  name: string;
  room: string;
  /** The last number of its log: where its channel stands. */
  top: number;
}

export interface ChatRoomChange {
  description?: string | null;
  name?: string | null;
}

/** A room from outside. */
export interface ChatRoomFigures {
  direct: boolean;
  last_at_ms: number;
  made_at_ms: number;
  made_by: string;
  members: number;
  /** Ever sent. */
  messages: number;
  name: string;
  room: string;
}

/** A room in somebody's list. */
export type ChatRoomLine = ChatRoom & {
  archived: boolean;
  last_message?: ChatLastMessage | null;
  /** Of these, the ones that mention the reader. */
  mentions: number;
  /** No pushes before this time. */
  muted_until_ms: number;
  /** The other one of a direct room. */
  other?: string | null;
  /** Has read up to this number. */
  read: number;
  role: ChatRole;
  /** Messages of others after what was read, among the newest 1,000 of these; 1,000 are "at least so many". */
  unread: number;
};

export type ChatRoomWatched = ChatRoomFigures & {
  bytes: number;
  /** Files that are there, and what they and their previews take, bytes. */
  files: number;
  /** Those who manage it first. */
  inside: ChatInside[];
  people: ChatPerson[];
};

/** A room with its people. */
export type ChatRoomWhole = ChatRoomLine & {
  /** Members whose accounts are gone for ever: they get and read nothing any more. */
  gone: string[];
  members: ChatMember[];
  /** What people call them. */
  people: ChatPerson[];
  /** Where the members are whose accounts are there. */
  whereabouts: ChatWhereabouts[];
};

export interface ChatRooms {
  items: ChatRoomLine[];
  /** The `before` of the next page; absent on the last one. */
  next?: string | null;
  /** Who is named in them: the other one of a direct room, who spoke last. */
  people: ChatPerson[];
  /** Where the others of direct rooms are. */
  whereabouts: ChatWhereabouts[];
}

/** The settings of the chat. */
export interface ChatSettings {
  /** It is counted how much is said and who is there. */
  analytics: boolean;
  /** Whose names a person is shown, and whom it may begin rooms with or put into one. */
  directory: ChatDirectory;
  /** Who is no administrator reads and does not write. */
  maintenance: boolean;
  /** People of a room, 2 to 100. Who is in a fuller one stays. */
  max_members: number;
  /** Characters of a message, 1 to 2,000. */
  max_message_chars: number;
  /** Pushes and letters are sent. */
  notifications: boolean;
  /** People may come by themselves: by an invitation, by registering, by an issuer's token, as the server's settings allow. It is identity's switch, for the whole server. */
  registrations: boolean;
  /** Messages are kept for so many days, at most 3,650; 0 keeps them for ever. */
  retention_days: number;
  /** How often they were saved. Whoever saves names the version that it read, so that nobody undoes what it has not seen. */
  version: number;
}

/** What holds for everybody. */
export interface ChatStanding {
  /** Who is no administrator reads and does not write: what is written then waits, and is sent when this is over. */
  maintenance: boolean;
  /** People of a room. */
  max_members: number;
  /** Characters of a message. */
  max_message_chars: number;
  /** Pushes and letters are sent. */
  notifications: boolean;
}

/** What others see of a person. */
export type ChatStatus = "online" | "away" | "offline";

export interface ChatStatusChange {
  /** Says that the caller is away, whatever it does, until it says otherwise. */
  away?: boolean | null;
  /** Whether others are shown when the caller was last seen. */
  shows_last_seen?: boolean | null;
}

export interface ChatTyping {
  /** Whether the caller goes on. */
  on: boolean;
}

/** Where somebody is, for others. */
export interface ChatWhereabouts {
  /** When the person's last connection went; absent while there is one, where there never was, and where the person does not show it. */
  last_seen_at_ms?: number | null;
  person: string;
  status: ChatStatus;
}

/** One dependency. */
export interface Check {
  detail: string;
  name: string;
  ok: boolean;
}

/** A chord. */
export interface Chord {
  /** Seconds from the start of the phrase. */
  at_s: number;
  /** Seconds that it sounds. */
  duration_s: number;
  /** Its notes, from the root up. */
  notes: Pitch[];
  /** What really sounds, such as `Dmaj7`. */
  symbol: string;
  /** Linear gain of each of its notes, 0 to 1. */
  velocity: number;
}

export interface ClaimBody {
  /** Only these kinds, 100 at most; all unless said. */
  kinds?: string[];
  /** How long the jobs are the worker's without a heartbeat, seconds: 1 to 3600, 60 unless said. */
  lease_s?: number | null;
  /** At most so many jobs: 1 to 100, 1 unless said. */
  limit?: number | null;
  /** Where to look, in this order: 1 to 20. */
  queues: string[];
  /** Waits so long for jobs when there are none, seconds: 30 at most, 0 unless said. */
  wait_s?: number | null;
  /** Who works, for people who look: 200 characters at most. */
  worker?: string | null;
}

export interface ClaimedBody {
  jobs: ClaimedJob[];
}

export interface ClaimedJob {
  args: Record<string, unknown>;
  /** Which attempt this is, from 1. */
  attempt: number;
  event_position?: number | null;
  /** The number, as text. */
  id: string;
  /** Whose it is. */
  key?: string | null;
  kind: string;
  /** Until when the job is the worker's, Unix milliseconds. */
  lease_ends_at_ms: number;
  max_attempts: number;
  queue: string;
  /** What names this claim: send it with everything about the job. */
  token: string;
  trace_id?: string | null;
}

export interface CompleteBody {
  /** What the job leaves: 64 KiB at most. */
  result?: Record<string, unknown> | null;
  /** Of the claim. */
  token: string;
}

export interface Confirm {
  /** The password that was chosen for the account: it is not made for whoever else opens the link. */
  password: string;
  /** The token of the link. */
  token: string;
}

export interface CreateBody {
  /** What it is, for people. */
  description?: string;
  /** Whether it gets anything from now on; `true` unless said. */
  enabled?: boolean;
  /** Messages a minute at most; no bound unless said. */
  per_minute?: number | null;
  /** How its messages are signed: `v1` with a secret that both sides have, unless said, or `v1a` with a key pair of ours. */
  signature?: EndpointSignature;
  /** Event types: `github.push`, `github.*`, or `*`. */
  types: string[];
  /** `https://…`; it must lead to the public internet unless the settings allow more. */
  url: string;
}

export type Created = EndpointRow & EndpointShown;

/** How a sender signs that has no file of its own. */
export interface Custom {
  /** The function. */
  algorithm?: Algorithm;
  /** How the signature is written. */
  encoding?: Encoding;
  /** Where the type of the event is; `received` where there is none. */
  event_type?: string | null;
  /** The header with the signature. */
  header?: string;
  /** Where the sender's id is: `header:x-id` or `body:/id`. Without it, the SHA-256 of the body is the id. */
  id?: string | null;
  /** How the secret is read. */
  key?: KeyForm;
  /** What stands before the signature, such as `sha256=`. */
  prefix?: string;
  /** Whether the sender sends again what was not answered with a success. */
  retries?: boolean;
  /** What is signed: text with `{body}` and `{header-name}`. */
  signed?: string;
  /** Where the name of what the event is about is. */
  subject?: string | null;
  timestamp?: CustomTime | null;
}

/** When a delivery was sent, and how far from now that may be. */
export interface CustomTime {
  /** `header:x-timestamp`, which must be part of what is signed, or `body:/sent_at`. */
  at: string;
  /** Seconds, in both directions; 1 to 86400. */
  tolerance_s: number;
  /** How it is written. */
  unit: Unit;
}

/** A delivery in full. */
export type DeliveryDetail = DeliveryRow & {
  /** The body, as text. */
  body: string;
  body_truncated: boolean;
  /** Name and value of each header that was kept. */
  headers: string[][];
  signature?: Signature | null;
};

export interface DeliveryPage {
  items: DeliveryRow[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

/** A delivery in a list. */
export interface DeliveryRow {
  /** Why it was rejected, as a code. */
  cause?: string | null;
  /** The sender's id. */
  delivery_id?: string | null;
  /** Its event. */
  event_position?: number | null;
  /** The type of its event. */
  event_type?: string | null;
  /** What probably went wrong, for whoever set the webhook up. */
  hint?: string | null;
  /** Our id. */
  id: string;
  /** The verdict in words. */
  reason: string;
  /** Unix milliseconds. */
  received_at_ms: number;
  /** The delivery that it repeats, on somebody's wish. */
  replay_of?: string | null;
  /** The request. */
  request_id: string;
  /** Its body, bytes. */
  size_bytes: number;
  /** Its source. */
  source: string;
  /** The HTTP status of the answer. */
  status: number;
  /** What it is about. */
  subject?: string | null;
  /** From the request's first byte to the store, microseconds. */
  took_us: number;
  /** The trace that began with it. */
  trace_id: string;
  /** `low` when nothing but the address says who sent it. */
  trust?: string | null;
  /** `accepted`, `duplicate` or `rejected`. */
  verdict: string;
}

/** Why an endpoint gets nothing. The words are stored. */
export type DisabledWhy = "owner" | "failing" | "gone";

/** What a replay would do. */
export interface DryRun {
  /** `false` when there may be more: a count looks at 100,000 events. */
  complete: boolean;
  /** Events that the subscription would get. */
  count: number;
  /** The first position of the range. */
  from_position: number;
  /** The last position of the range. */
  to_position: number;
}

/** Where a range begins or ends. */
export type Edge = number | string;

/** An effect; `wet` is 0 to 1. */
export type Effect = {
  amount: number;
  kind: "distortion";
  wet: number;
} | {
  feedback: number;
  kind: "delay";
  time_s: number;
  wet: number;
} | {
  decay_s: number;
  kind: "reverb";
  wet: number;
} | {
  depth: number;
  kind: "chorus";
  rate_hz: number;
  wet: number;
} | {
  base_hz: number;
  kind: "phaser";
  octaves: number;
  rate_hz: number;
  wet: number;
} | {
  frequency_hz: number;
  kind: "filter";
  q: number;
  wet: number;
};

/** How bytes are written in a header. */
export type Encoding = "hex" | "base64" | "base64url" | "plain";

export interface EndedChatPush {
  /** Of the subscription. */
  endpoint: string;
}

export type EndpointDetail = EndpointRow & {
  /** The secrets that sign at this moment, the newest first; they themselves are shown once, when they are made. */
  secrets: EndpointSecret[];
};

export interface EndpointList {
  items: EndpointRow[];
}

/** A receiver of events. */
export interface EndpointRow {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** The last success, Unix milliseconds. */
  delivered_at_ms?: number | null;
  /** What it is, in its owner's words. */
  description: string;
  disabled?: DisabledWhy | null;
  /** Since when, Unix milliseconds. */
  disabled_at_ms?: number | null;
  /** When it is disabled if every attempt goes on failing, Unix milliseconds. */
  disables_at_ms?: number | null;
  /** Whether it gets anything. */
  enabled: boolean;
  /** Messages that were given up, as far as they are kept; the count stops at 1,000. */
  failed: number;
  /** The first of them, Unix milliseconds. */
  failing_since_ms?: number | null;
  /** Attempts that failed since the last that succeeded. */
  failures: number;
  /** `ep_…`. */
  id: string;
  /** Messages that wait for an attempt; the count stops at 1,000. */
  pending: number;
  /** Messages a minute at most. */
  per_minute?: number | null;
  /** The event types that it asks for: `github.push`, `github.*`, or `*`. */
  types: string[];
  /** Unix milliseconds. */
  updated_at_ms: number;
  /** Where its messages go. */
  url: string;
}

export interface EndpointSecret {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** When it stops signing, Unix milliseconds. */
  expires_at_ms?: number | null;
  /** What the receiver verifies with (`whpk_…`); absent where that is the secret itself. */
  public_key?: string | null;
  /** How it signs. */
  signature: EndpointSignature;
}

/** What a receiver verifies with (Standard Webhooks). */
export interface EndpointShown {
  /** The public key of `v1a` (`whpk_…`). */
  public_key?: string | null;
  /** The secret of `v1` (`whsec_…`). It is never shown again. */
  secret?: string | null;
}

/** How messages are signed, by the specification's identifiers. */
export type EndpointSignature = "v1" | "v1a";

export interface EnqueuedBody {
  /** The job's number, as text. */
  id: string;
  /** Whether it was there before: nothing was added. */
  known: boolean;
}

/** One line of the audit log. */
export interface Entry {
  /** What was asked for: the method and the route, or the command. */
  action: string;
  /** `admin` (by a link), a person's id, `key:7` (the API key of that number), `anonymous` (a sign-in), or `cli` (the command line beside the server). */
  actor: string;
  /** From where; empty for a command. */
  address: string;
  /** When, Unix milliseconds. */
  at_ms: number;
  /** Its number; later ones are higher. */
  id: number;
  /** The request, as in the log lines. */
  request_id: string;
  /** How it ended: the HTTP status; 200 for a command that succeeded. */
  status: number;
  /** To what: the path, and behind it what more the answer said of it; empty where it would be a secret. */
  target: string;
}

/** Attack, decay, sustain, release. */
export interface Envelope {
  /** Seconds to full. */
  attack_s: number;
  /** Seconds from full to the sustained level. */
  decay_s: number;
  /** Seconds to silence. */
  release_s: number;
  /** The sustained level, 0 to 1. */
  sustain: number;
}

export type EventDetail = EventRow & {
  /** CloudEvents' optional attributes and extensions, as the producer gave them. */
  attributes?: Record<string, unknown> | null;
  /** The payload. */
  data: unknown;
  /** The jobs that it caused. */
  jobs: JobRow[];
};

export interface EventPage {
  items: EventRow[];
  /** Where the next page begins, as `before` (or as `after`, where the list is oldest first); absent on the last. A page that has it may be short: one look goes through a bounded stretch of the log. */
  next?: number | null;
  /** Where the page before this one begins, as `after` (or as `before`); absent where there was no edge. */
  previous?: number | null;
}

/** An event in a list: everything but its data. */
export interface EventRow {
  /** Unique within its source. */
  id: string;
  /** Its place in the log. */
  position: number;
  /** The version of its schema. */
  schema_version: number;
  /** Its data, bytes. */
  size_bytes: number;
  /** CloudEvents `source`. */
  source: string;
  /** CloudEvents `subject`. */
  subject?: string | null;
  /** Unix milliseconds. */
  time_ms: number;
  /** The trace it belongs to. */
  trace_id?: string | null;
  /** CloudEvents `type`. */
  type: string;
}

export interface EventTypeList {
  items: EventTypeRow[];
}

export interface EventTypeRow {
  /** What `dataschema` says of this version. */
  dataschema?: string | null;
  /** Whether a key with the scope `events:publish` may publish it; else it is this server's own. */
  open: boolean;
  /** What its payload must fit (JSON Schema 2020-12). */
  schema: Record<string, unknown>;
  /** The CloudEvents `type`, or a family of them (`github.*`). */
  type: string;
  /** The version of its schema; a family has none. */
  version?: number | null;
}

export interface EventsNow {
  latest_position: number;
}

export interface FailBody {
  /** Trying again cannot help. */
  discard?: boolean;
  /** What went wrong: 2 KiB are kept. */
  error: string;
  /** Again not before this time, Unix milliseconds; after the usual pause unless said. */
  retry_at_ms?: number | null;
  /** Not now, and nobody's fault: again not before this time, Unix milliseconds, and the attempt does not count. */
  snooze_until_ms?: number | null;
  /** Of the claim. */
  token: string;
}

/** One field of the request that is wrong. */
export interface FieldError {
  /** What is wrong with it. */
  detail: string;
  /** JSON pointer (RFC 6901) into the body, or the parameter's name. */
  pointer: string;
}

/** Which jobs; what is absent does not matter. */
export interface Filter {
  /** Of this batch. */
  batch?: number | null;
  /** With this text in an error. */
  error?: string | null;
  /** Ended (redrive) or enqueued (cancel) at this time or later, Unix milliseconds. */
  from_ms?: number | null;
  /** Of this kind. */
  kind?: string | null;
  /** In this queue. */
  queue?: string | null;
  state?: JobState | null;
  /** Ended (redrive) or enqueued (cancel) before this time, Unix milliseconds. */
  to_ms?: number | null;
}

export interface FiringPage {
  items: FiringRow[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

/** A firing in a list. */
export interface FiringRow {
  /** When, Unix milliseconds. */
  fired_at_ms: number;
  /** Its number, as text. */
  id: string;
  /** The number of its job, as text. */
  job_id?: string | null;
  job_state?: JobState | null;
  /** How long after its tick, milliseconds. */
  late_ms?: number | null;
  /** For `missed`: how many ticks, counted to 1,000. */
  left_out: number;
  /** Why, where that needs words. */
  note?: string | null;
  /** What became of it. */
  outcome: Outcome;
  /** The tick, Unix milliseconds; absent when a person asked for it. */
  tick_ms?: number | null;
}

export interface Forgotten {
  /** The address of the account. */
  email: string;
}

export type GivenListenerToken = ListenerToken & {
  /** The token itself. It is shown this once. */
  secret: string;
};

export interface HeartbeatAnswer {
  /** Whether the job is called off: stop, and say so by `fail`. */
  cancelled: boolean;
  /** Until when the job is the worker's now, Unix milliseconds. */
  lease_ends_at_ms: number;
}

export interface HeartbeatBody {
  /** From now on, seconds: 1 to 3600, 60 unless said. */
  lease_s?: number | null;
  /** What it does: 1,024 bytes at most. */
  note?: string | null;
  /** How far it is, 0 to 100. */
  percent?: number | null;
  /** Of the claim. */
  token: string;
}

/** Somebody who needs events from a position on. */
export interface Hold {
  /** Its name, or the replay's subscription; of a job, nothing. */
  name: string;
  /** The oldest event that it needs. */
  position: number;
  /** `stream`, `parked`, `replay` or `job`. */
  what: string;
}

/** A job's number, as text or as a number. */
export type Id = number | string;

/** A process of a fleet, as people look at it. */
export interface Instance {
  /** It is the process that was asked. */
  here: boolean;
  /** Host and process. */
  holder: string;
  /** Names its stay: a process that was taken for dead comes back under another one. */
  id: string;
  /** What it leads in, unless it has died since. */
  leads: string[];
  /** When it was last heard of by its own clock, Unix milliseconds. */
  renewed_at_ms: number;
  /** What it does. */
  roles: string[];
  /** By its own clock, Unix milliseconds. */
  started_at_ms: number;
  /** Of its binary. */
  version: string;
}

/** The processes on the same database; the embedded engine has one. */
export interface Instances {
  items: Instance[];
}

/** An invitation as it is listed. */
export interface Invitation {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Until when it can be used, once, Unix milliseconds. */
  expires_at_ms: number;
  /** The number, as text. */
  id: string;
  /** Who made it: `admin`, or a person's id. */
  maker: string;
  /** Whom it is for, as whoever made it wrote. */
  note: string;
  /** What whoever uses it may do. */
  role: Role;
}

export interface Invite {
  /** Whom it is for: 100 characters at most. */
  note?: string;
  role?: Role | null;
}

export interface JobBody {
  /** Begins when all of these have completed. */
  after?: Id[];
  /** Begins also when some of them failed. */
  after_failures?: boolean;
  /** What its worker is given; `null` unless said. */
  args?: Record<string, unknown> | null;
  batch?: Id | null;
  /** Jobs with the same kind and this key run one after the other. */
  in_order?: string | null;
  /** Whose it is: keys of one queue take turns, and limits per key count by it. */
  key?: string | null;
  /** What is to be done; its worker knows it by this name. */
  kind: string;
  /** Attempts before it is discarded, 1 at least. */
  max_attempts?: number | null;
  /** Lower runs earlier. */
  priority?: number | null;
  /** Where it waits; the kind's own, or `default`. */
  queue?: string | null;
  /** Not before, Unix milliseconds. */
  run_at_ms?: number | null;
  /** The trace it belongs to. */
  trace_id?: string | null;
  unique?: UniqueBody | null;
}

/** A job in full. */
export type JobDetail = JobRow & JobHold & {
  /** Unfinished jobs that it comes after, as text. */
  after: string[];
  /** Its arguments; none of a job that needs none. */
  args: Record<string, unknown> | null;
  /** Every failed attempt, oldest first. */
  errors: AttemptError[];
  /** Jobs that come after it and wait, as text; 100 at most. */
  followers: string[];
  /** What it left. */
  result?: Record<string, unknown> | null;
};

/** What is held of a job, and by whom. */
export interface JobHold {
  /** How often a worker has taken it; a snooze counts here, not as an attempt. */
  claims: number;
  /** When that worker took it or was last heard of, Unix milliseconds. */
  heard_at_ms?: number | null;
  /** When it is taken back unless the worker is heard of, Unix milliseconds; absent for a process of our own. */
  lease_ends_at_ms?: number | null;
  /** What makes other jobs of its kind the same as this one. */
  unique_key?: string | null;
  /** Who runs it, while it is executing: a process, or what a worker over HTTP calls itself. */
  worker?: string | null;
}

export interface JobPage {
  items: JobRow[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

/** A job in a list. */
export interface JobRow {
  /** Attempts begun. */
  attempt: number;
  /** The batch it belongs to, as text. */
  batch?: string | null;
  /** Whether it is called off and its worker has not stopped yet. */
  cancelling: boolean;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** The event that caused it. */
  event_position?: number | null;
  /** The end. */
  finished_at_ms?: number | null;
  /** The number, as text. */
  id: string;
  /** Whose job it is; absent when nobody's in particular. */
  key?: string | null;
  /** Its kind. */
  kind: string;
  /** The last attempt's error. */
  last_error?: string | null;
  /** Attempts allowed. */
  max_attempts: number;
  /** What it last said that it does. */
  note?: string | null;
  /** Jobs with the same kind and order key run one after the other. */
  order_key?: string | null;
  /** How far it last said that it is, 0 to 100. */
  percent?: number | null;
  /** Lower runs earlier. */
  priority: number;
  /** Its queue. */
  queue: string;
  /** Not before, Unix milliseconds. */
  run_at_ms: number;
  /** The last attempt's start. */
  started_at_ms?: number | null;
  /** Where it is. */
  state: JobState;
  /** The trace it belongs to. */
  trace_id?: string | null;
}

/** Where a job is in its life. The numbers are stored. */
export type JobState = "available" | "scheduled" | "executing" | "retryable" | "completed" | "cancelled" | "discarded" | "pending";

/** How the text of a secret becomes a key. */
export type KeyForm = "text" | "hex" | "base64" | "whsec" | "whpk" | "pem";

export interface KeySet {
  /** The public keys. */
  keys: PublicKey[];
}

/** A kind as it is. */
export interface KindRow {
  /** Its name. */
  kind: string;
  /** Whether nothing of it begins. */
  paused: boolean;
  /** The queue it is enqueued to; absent for a kind that this process does not serve. */
  queue?: string | null;
}

/** What is logged now. */
export interface LevelNow {
  /** What the settings say, and what it returns to. */
  configured: string;
  /** In force, as tracing filters: `info`, `info,jobs=debug`. */
  filter: string;
  /** When it returns, Unix milliseconds; null when it is not changed. */
  until_ms?: number | null;
}

export interface ListenerSession {
  /** A listener token of the station. */
  token: string;
}

/** A token as people look at it. */
export interface ListenerToken {
  created_at_ms: number;
  id: string;
  /** Who it is for. */
  name: string;
}

export interface ListenerTokens {
  items: ListenerToken[];
}

export interface LogLevelChange {
  /** What is logged, as tracing filters: `debug`, `info,jobs=debug`. */
  filter: string;
  /** For how long; 0 returns at once to what the settings say. A day at most. */
  for_minutes: number;
}

/** The filter before the effects. */
export interface LowPass {
  /** Corner frequency. */
  frequency_hz: number;
  /** Always `lowpass`. */
  kind: string;
  /** Resonance. */
  q: number;
}

export interface MadeInvitation {
  /** The number, as text. */
  id: string;
  /** The path of the page to open, with a token that is not shown again. */
  path: string;
}

export interface MadeKey {
  /** The number, as text. */
  id: string;
  /** The key itself. It is not shown again. */
  token: string;
}

export interface MadeLink {
  /** The path of the page to open, with a token that is not shown again. */
  path: string;
}

export interface MadeToken {
  /** When it ends, Unix milliseconds: get another before. */
  expires_at_ms: number;
  /** The token (JWT), for `Authorization: Bearer` and for the `connect` of a realtime client. */
  token: string;
}

export interface MakePerson {
  /** What they sign in with. */
  email: string;
  /** What people call them: 1 to 50 characters. */
  name: string;
  /** 8 to 200 characters. */
  password: string;
  role?: Role | null;
}

export interface ManyBody {
  /** 1 to 100 jobs. */
  jobs: JobBody[];
}

export interface ManyEnqueued {
  /** As many, in the same order. */
  jobs: EnqueuedBody[];
}

/** A note of the melody. */
export interface MelodyNote {
  /** Seconds from the start of the phrase. */
  at_s: number;
  /** Seconds that it sounds. */
  duration_s: number;
  /** Frequency. */
  hz: number;
  /** MIDI number. */
  midi: number;
  /** Name and octave, such as `F#4`. */
  note: string;
  /** Linear gain, 0 to 1. */
  velocity: number;
}

export type MessageDetail = MessageRow & {
  /** What is sent; absent when the event was removed. */
  body?: Record<string, unknown> | null;
  /** Every attempt, oldest first; of many the last 200. */
  history: AttemptRow[];
};

export interface MessagePage {
  items: MessageRow[];
  /** Where the next page begins; absent on the last. */
  next?: number | null;
}

/** One event on its way to one endpoint. */
export interface MessageRow {
  /** Attempts made in this series. */
  attempts: number;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** The endpoint. */
  endpoint: string;
  /** What was wrong with the last attempt. */
  error?: string | null;
  /** When it arrived or was given up, Unix milliseconds. */
  finished_at_ms?: number | null;
  /** `msg_…`: the `webhook-id` of every attempt. */
  id: string;
  /** When the next attempt is due, Unix milliseconds. */
  next_at_ms?: number | null;
  /** Its place in lists. */
  number: number;
  /** The event's place in the log. */
  position: number;
  /** Which series of attempts this is: a person who sends it again begins a new one. */
  series: number;
  /** Where it is. */
  state: MessageState;
  /** The status of the last answer. */
  status?: number | null;
  /** What the event is about. */
  subject?: string | null;
  /** The trace it belongs to. */
  trace_id?: string | null;
  /** The event's type. */
  type: string;
}

/** Where a message is. The numbers are stored. */
export type MessageState = "pending" | "delivered" | "failed";

/** What becomes of ticks that nobody was there for. */
export type Missed = "skip" | "one" | "all";

/** The middle language between events and sound. */
export type Mood = "tension" | "resolution" | "activity" | "growth";

export interface NewChatMembers {
  people: string[];
}

export interface NewChatMessage {
  /** What the client calls it, such as a UUID: sent again under the same name, it is the same message. */
  client_id: string;
  /** Text, at most 2,000 characters; with a file it may be absent. */
  content?: string;
  /** A file that its sender has sent to this room, and that no message has yet. */
  file_id?: string | null;
  /** The number of the message that it answers, of the same room. */
  reply_to?: number | null;
}

/** What `PushSubscription.toJSON` gives in a browser. */
export interface NewChatPush {
  /** Where the browser's push service takes messages for it. */
  endpoint: string;
  /** When it ends by itself, if the push service says so. What is gone is forgotten when it says that. */
  expirationTime?: number | null;
  keys: NewChatPushKeys;
}

export interface NewChatPushKeys {
  /** The browser's secret, in base64url. */
  auth: string;
  /** The browser's public key, in base64url. */
  p256dh: string;
}

export interface NewChatQuickReply {
  /** At most 2,000 characters. */
  content: string;
}

export interface NewChatReaction {
  /** One emoji. */
  emoji: string;
  /** Whether it shall be there; without it, the other than what is. */
  on?: boolean | null;
}

/** Up to where somebody has got and read. */
export interface NewChatReceipt {
  /** Everything up to this number has come. */
  delivered?: number | null;
  /** Everything up to this number was read. */
  read?: number | null;
}

export interface NewChatRoom {
  /** At most 200 characters. */
  description?: string;
  /** 2 to 50 characters. */
  name: string;
  /** Whom to begin with, at least one beside the caller. */
  people: string[];
}

/** A connection's token that is to be made. */
export interface NewConnectionToken {
  /** What the client may do: `[{ "channels": […], "match": "", "allow": ["sub", "pub", "prs", "hst"] }]`. */
  caps?: Record<string, unknown>[] | null;
  /** What the server subscribes the client to. */
  channels?: string[];
  /** Until when the connection stays open, Unix seconds: 24 hours from now at most. With the token unless said. */
  expire_at?: number | null;
  /** What others are shown of the client. */
  info?: Record<string, unknown> | null;
  /** An issuer that the operator trusts (`iss`). */
  issuer?: string | null;
  /** What products know of the client, and nobody else. */
  meta?: Record<string, unknown> | null;
  /** The same, with terms: by channel `{ "info": …, "data": …, "override": … }`. */
  subs?: Record<string, unknown> | null;
  /** For how long the token is good, seconds: 900 at most, and unless said. */
  ttl_s?: number | null;
  /** The id of a person; with `issuer`, the name that one's tokens have for them (`sub`). */
  user: string;
}

export interface NewDirectRoom {
  /** The other one. */
  person: string;
}

/** A key that is to be made. */
export interface NewKey {
  /** From when on it is worth nothing, Unix milliseconds; never unless said. */
  expires_at_ms?: number | null;
  /** What people call it: 1 to 100 characters. */
  name: string;
  /** What it may do: one at least. */
  scopes: Scope[];
}

export interface NewListenerToken {
  /** Who it is for, at most 100 characters. */
  name: string;
}

export interface NewPassword {
  /** The one from now on: 8 to 200 characters. */
  new: string;
  /** The one until now. */
  old: string;
}

export interface NewReplay {
  /** Whether to count alone, which is the default: nothing is replayed before `false` is said. */
  dry_run?: boolean;
  selection: Selection;
}

/** A schedule to add. */
export type NewSchedule = Spec & {
  /** Its name: 1 to 100 letters, digits and the signs `.`, `_` and `-`. It never changes. */
  name: string;
};

/** A source to make. */
export interface NewSource {
  /** Whether it takes deliveries at once; yes unless said. */
  enabled?: boolean | null;
  /** Lower-case letters, digits and hyphens, beginning with a letter; its address is `/in/{name}`. */
  name: string;
  /** The sender's secret or public key; one is made where the sender takes ours. */
  secret?: string | null;
  /** Whether its address gets a secret token; yes where the sender needs one. */
  secret_address?: boolean | null;
  /** One of the known senders, or `generic`. */
  sender: string;
  /** What an operator may set. */
  settings?: {
    /** Body at most, bytes; the sender's own bound unless said. */
    body_bytes?: number | null;
    custom?: Custom | null;
    /** The hub that is asked for topics, where the sender has one; the sender's own unless said. */
    hub_url?: string | null;
    /** Where the sender's public key is fetched, where it publishes one; the sender's own address unless said. */
    key_url?: string | null;
    /** Deliveries a second at most; more are told to come again, or wait in a file where the sender does not come again. */
    rate_per_second?: number | null;
  };
}

/** A station to be. */
export interface NewStation {
  description?: string | null;
  keep_days?: number | null;
  name?: string | null;
  private?: boolean | null;
  /** `owner/repo`. */
  station: string;
}

/** A subscription's token that is to be made. */
export interface NewSubscriptionToken {
  /** The one channel that it opens. */
  channel: string;
  /** The one client that may show it, by its id; any of the user's unless said. */
  client?: string | null;
  /** What the client is told with the subscription. */
  data?: Record<string, unknown> | null;
  /** Until when what it opens stays open, Unix seconds; 0 for as long as it likes. With the token unless said. */
  expire_at?: number | null;
  /** What others are shown of the client in this channel. */
  info?: Record<string, unknown> | null;
  /** An issuer that the operator trusts (`iss`). */
  issuer?: string | null;
  /** How the subscription differs from its namespace: `{ "presence": { "value": false } }`. */
  override?: Record<string, unknown> | null;
  /** For how long the token is good, seconds: 900 at most, and unless said. */
  ttl_s?: number | null;
  /** The id of a person; with `issuer`, the name that one's tokens have for them (`sub`). */
  user: string;
}

export interface NewTopic {
  /** Whether the hub is asked to stop. */
  end?: boolean;
  /** The address of the feed. */
  topic: string;
}

/** How everything is. */
export interface Now {
  checks: Check[];
  events: EventsNow;
  /** `{host}/{process}`. */
  instance: string;
  jobs: BTreeMap;
  now_ms: number;
  process: Process;
  ready: boolean;
  realtime: Record<string, unknown>;
  started_at_ms: number;
  store: Record<string, unknown>;
  uptime_s: number;
  version: string;
  webhooks: Totals;
}

export interface Objectives {
  items: Status[];
}

export interface OpenBody {
  callback?: JobBody | null;
  /** Its first jobs, 100 at most. */
  jobs?: JobBody[];
  /** What people call it. */
  name: string;
  /** Nothing more will come in. */
  sealed?: boolean;
}

/** A browser that is signed in. */
export interface OpenSession {
  /** What the browser called itself. */
  client: string;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Whether it is the one that asks. */
  current: boolean;
  /** Unix milliseconds. */
  expires_at_ms: number;
  /** The number, as text. */
  id: string;
}

/** Where a source comes from. */
export type Origin = "environment" | "generated" | "operator";

/** What became of a tick. */
export type Outcome = "enqueued" | "overlapped" | "missed" | "refused";

/** What becomes of a tick while the job of the former one is unfinished. */
export type Overlap = "allow" | "skip" | "queue";

/** An event that a stream could not handle and went past. */
export interface Parked {
  /** Its last failure. */
  error: string;
  /** How often it failed alone. */
  failures: number;
  /** Unix milliseconds. */
  parked_at_ms: number;
  /** Its place in the log. */
  position: number;
  /** When somebody asked for another try that has not happened yet, Unix milliseconds. */
  retry_at_ms?: number | null;
  /** What it is about. */
  subject?: string | null;
  /** Its type; absent when the event is gone. */
  type?: string | null;
}

export interface ParkedPage {
  items: Parked[];
  /** Where the next page begins; absent on the last. */
  next?: number | null;
}

export interface PeoplePage {
  items: PersonDetails[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

export interface PersonChange {
  /** 1 to 50 characters. */
  name?: string | null;
  role?: Role | null;
}

/** A person as administrators, and the person, see one. */
export interface PersonDetails {
  /** Why, as whoever banned them wrote it. */
  ban_reason?: string | null;
  /** Until when they are banned, Unix milliseconds; null when they are not. 253402300799999 is for ever. */
  banned_until_ms?: number | null;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Where they are written to, and what they sign in with. */
  email?: string | null;
  /** Who. */
  id: string;
  /** What people call them. */
  name: string;
  /** What they may do. */
  role: Role;
  /** The last sign-in, Unix milliseconds. */
  signed_in_at_ms?: number | null;
}

/** One event as a short piece of music, complete enough for any player. */
export interface Phrase {
  /** When the delivery was accepted, Unix milliseconds. */
  at_ms: number;
  /** The cats, sorted by time. */
  cats: Cat[];
  /** The chords, sorted by time; empty for moods without chords. */
  chords: Chord[];
  /** 2 to 8 seconds. Release tails and effects may ring on. */
  duration_s: number;
  /** The effects, in their order. */
  effects: Effect[];
  /** How a note of the melody grows and fades. */
  envelope: Envelope;
  /** What happened, for people. */
  event: PhraseEvent;
  /** The low-pass filter before the effects. */
  filter: LowPass;
  /** Level of the melody voice before the effects: at most −12 dB. */
  gain_db: number;
  /** The delivery id: the seed of everything random here. */
  id: string;
  /** 0 to 1. */
  intensity: number;
  /** The tonic: `C`, `D`, `E`, `F`, `G`, `A` or `B`. */
  key: string;
  /** The melody, sorted by time. */
  melody: MelodyNote[];
  /** The middle language between events and sound. */
  mood: Mood;
  /** Number in its station, dense, from 1; 0 in a test phrase. */
  n: number;
  /** The scale that every pitched note belongs to. */
  scale: ScaleNotes;
  /** `owner/repo`, lower case. */
  station: string;
  /** How fast. */
  tempo: Tempo;
  /** 32 hex digits: the trace from the webhook to the sound. */
  trace?: string | null;
  /** Format version: 1. */
  v: number;
  /** Who sings. */
  voice: Voice;
  /** Why it sounds like this, in reading order. */
  why: Why[];
}

/** What happened, as plain text. */
export interface PhraseEvent {
  /** GitHub's action; `created`, `deleted` or `updated` for a push; the state of a review or a deployment. */
  action: string;
  /** The login of who did it. */
  actor?: string | null;
  /** One sentence, at most 200 characters, never markup. */
  title: string;
  /** GitHub's event type, such as `push`. */
  type: string;
  /** An `https://` address to read more. */
  url?: string | null;
}

/** A pitch in three spellings that always agree. */
export interface Pitch {
  /** Frequency in equal temperament, A4 = 440 Hz. */
  hz: number;
  /** MIDI number; 69 is A4. */
  midi: number;
  /** Name and octave, such as `F#4`. */
  note: string;
}

/** Where in the measure a cat comes in. */
export type Place = "downbeat" | "upbeat" | "quantised" | "offbeat" | "free" | "bed";

/** What an expression means, before it is kept. */
export interface Preview {
  /** The next ten times. */
  next: Run[];
  /** In words. */
  words: string;
}

/** The body of a problem answer. */
export interface Problem {
  /** A stable word to switch on. */
  code: string;
  /** What happened and what to do, for people. */
  detail: string;
  /** The fields that are wrong. */
  errors?: FieldError[];
  /** The request, for a bug report and for the logs. */
  request_id?: string | null;
  /** Seconds to wait before trying again. */
  retry_after?: number | null;
  /** The HTTP status. */
  status: number;
  /** The status in words. */
  title: string;
  /** `urn:mainspring:problem:{code}`. */
  type: string;
}

/** Resident memory and CPU time. */
export interface Process {
  /** User and system time since the start, seconds. */
  cpu_s: number;
  /** Resident set, bytes. */
  rss_bytes: number;
}

/** The public part of a key, as it is published (RFC 8037, section 2). */
export interface PublicKey {
  /** `EdDSA`. */
  alg: string;
  /** `Ed25519`. */
  crv: string;
  /** Its name: the RFC 7638 thumbprint of what it is. */
  kid: string;
  /** `OKP`. */
  kty: string;
  /** `sig`. */
  use: string;
  /** The key. */
  x: string;
}

/** What became of the events of a request, in their order. */
export interface Published {
  events: PublishedEvent[];
}

export interface PublishedEvent {
  /** As the producer named it. */
  id: string;
  /** `false` when the log had it already. */
  new: boolean;
  /** Its place in the log. */
  position: number;
  /** As the producer named itself. */
  source: string;
}

/** The limits of a queue over all processes. What is absent is unlimited. */
export interface QueuePolicy {
  /** Jobs that run at one time. */
  concurrency?: number | null;
  /** Jobs of one key that run at one time. Jobs without a key are not counted. */
  key_concurrency?: number | null;
  key_rate?: Rate | null;
  rate?: Rate | null;
}

/** A queue as it is. */
export interface QueueRow {
  /** Jobs that wait for a worker; counting stops at 100,000. */
  available: number;
  /** Whether that is not what the code declares. */
  changed: boolean;
  /** Jobs that run; counting stops at 100,000. */
  executing: number;
  /** Since when the oldest of them could begin, Unix milliseconds. */
  oldest_at_ms?: number | null;
  /** Whether nothing of it begins. */
  paused: boolean;
  /** What holds for it. */
  policy: QueuePolicy;
  /** Its name. */
  queue: string;
  /** Whether this process runs jobs of it. */
  served: boolean;
}

export interface RadioDay {
  from_ms: number;
  /** Oldest first. */
  phrases: Phrase[];
  station: string;
  to_ms: number;
  /** Phrases of the day; of more than 120, that many are chosen evenly. */
  total: number;
  v: number;
}

/** So many jobs a period begin, spread over it: in any window `w`, at most `burst + w / period * jobs`. */
export interface Rate {
  /** How many may begin at once after a pause, 1 at least; a tenth of `jobs` unless said. */
  burst?: number | null;
  /** Jobs a period, 1 at least. */
  jobs: number;
  /** The period, milliseconds; 1 at least. */
  period_ms: number;
}

export interface Ready {
  documentation: string;
  /** What to do with this address. */
  hint: string;
  source: string;
}

/** A token of realtime. */
export interface RealtimeToken {
  /** When it ends, Unix milliseconds: the client asks your backend for another before. */
  expires_at_ms: number;
  /** Its own name (`jti`), by which an administrator takes it back: it is in the audit log. */
  id: string;
  /** The token (JWT), for the client's `connect` or `subscribe`: worth nothing anywhere else. */
  token: string;
}

export interface RecoverBody {
  /** Only count. */
  dry_run?: boolean;
  /** Events appended since then, Unix milliseconds. */
  since_ms: number;
}

/** What a recovery would send, or sends. */
export interface RecoverPlan {
  /** Whether these are all since that time; else only the newest 100,000 events were looked at. */
  complete: boolean;
  /** Events that were looked at. */
  events: number;
  /** Messages that were given up. */
  failed: number;
  /** Events that never went to the endpoint. */
  missed: number;
}

export interface Register {
  /** What you will sign in with. */
  email: string;
  /** The token of an invitation, where it takes one. */
  invitation?: string;
  /** What people call you: 1 to 50 characters. */
  name: string;
  /** 8 to 200 characters. */
  password: string;
}

export interface Rename {
  /** 1 to 50 characters. */
  name: string;
}

/** A stretch of the log that goes into one subscription once more. */
export interface Replay {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** The end, Unix milliseconds. */
  ended_at_ms?: number | null;
  /** The last failure. */
  error?: string | null;
  /** The first position of its range. */
  from_position: number;
  /** Its number. */
  id: number;
  /** Everything before this position is done. */
  next_position: number;
  /** Events that went in so far. */
  replayed: number;
  /** `running`, `completed`, `cancelled` or `failed`. */
  state: string;
  /** Into which subscription. */
  subscription: string;
  /** The last position of its range. */
  to_position: number;
}

export interface ReplayList {
  items: ReplayRow[];
}

export interface ReplayPage {
  items: Replay[];
  /** Where the next page begins; absent on the last. */
  next?: number | null;
}

/** What a replay would do. */
export interface ReplayPlan {
  /** Deliveries that it would repeat. */
  count: number;
  /** When the newest of them came, Unix milliseconds. */
  newest_ms?: number | null;
  /** When the oldest of them came, Unix milliseconds. */
  oldest_ms?: number | null;
}

export interface ReplayRequest {
  /** Only count. Unless said otherwise, this is what happens. */
  dry_run?: boolean | null;
  /** Only those of which this condition holds, in the filter dialects of CloudEvents Subscriptions. */
  filter?: Record<string, unknown> | null;
  /** The first position of the range, or a time. */
  from: Edge;
  /** Into which subscription. */
  subscription: string;
  to?: Edge | null;
  /** Only of this type, or of this family (`github.*`). */
  type?: string | null;
}

/** A replay of a range. */
export interface ReplayRow {
  /** Unix milliseconds. */
  changed_at_ms: number;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** How many could not be replayed. */
  failed: number;
  /** Its number. */
  id: number;
  /** Why the last of those could not. */
  last_failure?: string | null;
  /** How many are in the log again. */
  replayed: number;
  /** What was chosen. */
  selection: Selection;
  /** `running`, `completed` or `cancelled`. */
  state: string;
  /** How many were chosen when it began. */
  total: number;
}

/** A delivery that is in the log once more. */
export interface Replayed {
  /** The new delivery. */
  delivery: string;
  /** Its event. */
  event_position: number;
  /** `accepted`; `duplicate` when a refused delivery came again by itself meanwhile. */
  status: Verdict;
}

/** What is kept, and what keeps it. */
export interface RetentionStatus {
  /** What the log takes, about; measured now and then. */
  bytes: number;
  /** Who still needs old events, the one that holds most first. */
  held_by: Hold[];
  /** What is older than this goes, milliseconds; absent before the first round. */
  keep_ms?: number | null;
  /** The newest position. */
  latest_position: number;
  /** What is beyond the newest so many bytes goes. */
  most_bytes?: number | null;
  /** The oldest position of the log. */
  oldest_position: number;
  /** When its event was appended, Unix milliseconds. */
  oldest_time_ms?: number | null;
}

/** A source's secrets, shown once. There is no other answer with them in it. */
export interface Revealed {
  name: string;
  /** Its whole address. */
  path: string;
  /** Until when the previous secret counts, Unix milliseconds. */
  previous_until_ms?: number | null;
  /** Its newest secret; none where the sender signs nothing. */
  secret?: string | null;
}

/** What a person may do. */
export type Role = "member" | "admin";

export interface RotateBody {
  /** For how long the secrets before this one go on signing, seconds: 86,400 unless said, 30 days at most. */
  overlap_s?: number | null;
  signature?: EndpointSignature | null;
}

export type Rotated = EndpointShown & {
  /** Until when the ones before it sign as well, Unix milliseconds. */
  others_until_ms: number;
};

/** A new secret. */
export interface Rotation {
  /** How long the previous one still counts, seconds; a day unless said, 0 for not at all. */
  overlap_s?: number | null;
  /** The sender's; one is made where the sender takes ours. */
  secret?: string | null;
}

/** A time to come. */
export interface Run {
  /** Unix milliseconds. */
  at_ms: number;
  /** The time that was meant, where the clocks skip it: `02:30:00`. */
  instead_of?: string | null;
  /** On the clocks of its zone: `2027-03-28T03:00:00+02:00[Europe/Berlin]` (RFC 9557). */
  local: string;
}

/** A scale in its key. */
export interface ScaleNotes {
  /** Such as `D major pentatonic`. */
  name: string;
  /** Pitch names from the tonic up. */
  notes: string[];
}

/** A schedule in full. */
export type ScheduleDetail = ScheduleRow & {
  /** What it did, newest first. */
  firings: FiringRow[];
  /** The next ten times; as if it were resumed now while it is paused. */
  next: Run[];
};

export interface SchedulePage {
  items: ScheduleRow[];
  /** Where the next page begins; absent on the last. */
  next?: string | null;
}

/** A schedule in a list. */
export type ScheduleRow = Spec & {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** The product whose code declares it; absent for one that was made at run time. */
  declared_by?: string | null;
  /** Its number, as text. */
  id: string;
  last?: FiringRow | null;
  /** Its name. */
  name: string;
  /** The next tick, Unix milliseconds; absent while it is paused. */
  next_ms?: number | null;
  /** Since when it is paused, Unix milliseconds. */
  paused_at_ms?: number | null;
  /** Unix milliseconds. */
  updated_at_ms: number;
  /** When it fires, in words. */
  words: string;
};

/** What a key may do. */
export type Scope = "jobs:work" | "jobs:enqueue" | "events:publish" | "events:read" | "realtime:write" | "realtime:read" | "realtime:tokens";

/** Which deliveries to replay: all of these hold. */
export interface Selection {
  /** Of this event type, such as `github.push`. */
  event_type?: string | null;
  /** Received at or after this, Unix milliseconds. */
  since_ms?: number | null;
  /** Of this source. */
  source?: string | null;
  /** Received before this, Unix milliseconds. */
  until_ms?: number | null;
  verdict?: Verdict | null;
}

export interface Session {
  person?: PersonDetails | null;
  /** `admin` or `member`. */
  role: Role;
}

export interface SetPassword {
  /** 8 to 200 characters. */
  password: string;
  /** The token of the link. */
  token: string;
}

export interface Settled {
  /** Where the job is now: a job that was called off is `cancelled`, whatever was said. */
  state: JobState;
}

/** How loud an alert is. */
export type Severity = "ticket" | "page";

export interface SignIn {
  /** The address of the account. */
  email: string;
  /** Its password. */
  password: string;
}

/** The beginnings of what was compared. */
export interface Signature {
  expected?: string | null;
  received?: string | null;
}

export interface Silence {
  /** Nobody is told before then, Unix milliseconds; 0 ends the silence. Seven days at most. */
  until_ms: number;
}

/** What to change; what is absent stays. */
export interface SourceChange {
  enabled?: boolean | null;
  /** `true` gives it another secret address; the old one is gone at once. */
  new_address?: boolean;
  settings?: {
    /** Body at most, bytes; the sender's own bound unless said. */
    body_bytes?: number | null;
    custom?: Custom | null;
    /** The hub that is asked for topics, where the sender has one; the sender's own unless said. */
    hub_url?: string | null;
    /** Where the sender's public key is fetched, where it publishes one; the sender's own address unless said. */
    key_url?: string | null;
    /** Deliveries a second at most; more are told to come again, or wait in a file where the sender does not come again. */
    rate_per_second?: number | null;
  } | null;
}

export interface SourceList {
  items: SourceRow[];
}

/** A source. */
export interface SourceRow {
  /** In the last 24 hours. */
  accepted_24h: number;
  /** The sender's page on its webhooks. */
  documentation: string;
  /** Whether it takes deliveries. */
  enabled: boolean;
  /** Unix milliseconds; of the newest 20,000 deliveries of all sources, as the counts are. */
  last_delivery_at_ms?: number | null;
  /** Its name. */
  name: string;
  /** Its address; a secret token in it is not shown. */
  path: string;
  /** In the last 24 hours. */
  rejected_24h: number;
  /** Unix milliseconds. */
  secret_created_at_ms: number;
  /** Where its secret comes from. */
  secret_from: Origin;
  /** Its secrets that count, and those that ended not long ago, without themselves. */
  secrets: SourceSecret[];
  /** Who sends there. */
  sender: string;
  settings: {
    /** Body at most, bytes; the sender's own bound unless said. */
    body_bytes?: number | null;
    custom?: Custom | null;
    /** The hub that is asked for topics, where the sender has one; the sender's own unless said. */
    hub_url?: string | null;
    /** Where the sender's public key is fetched, where it publishes one; the sender's own address unless said. */
    key_url?: string | null;
    /** Deliveries a second at most; more are told to come again, or wait in a file where the sender does not come again. */
    rate_per_second?: number | null;
  } & Record<string, unknown>;
  /** `low` when nothing but the address says who sent something. */
  trust?: string | null;
}

/** A secret, without itself. */
export interface SourceSecret {
  /** Whether it counts now. */
  active: boolean;
  /** Unix milliseconds. */
  created_at_ms: number;
  /** When the sender was last asked for it, Unix milliseconds; absent of one that was given or made here. */
  fetched_at_ms?: number | null;
  /** Its number, to revoke it by. */
  id: number;
  /** It counts before this; absent while it is the newest. */
  until_ms?: number | null;
}

/** When a schedule fires, which job, and its policies. Either `cron` or `every_ms`. */
export interface Spec {
  /** The job's arguments. */
  args?: Record<string, unknown> | null;
  /** A cron expression of five or six fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  cron?: string | null;
  /** An interval of elapsed time, milliseconds: from a second to 366 days. */
  every_ms?: number | null;
  /** A job starts up to so many milliseconds after its tick, by chance. */
  jitter_ms?: number;
  /** The kind of the job. */
  kind: string;
  /** What becomes of missed ticks. */
  missed?: Missed;
  /** For `all`: how many at most, up to 200. */
  missed_most?: number;
  /** For `all`: how far back, milliseconds, 31 days at most. */
  missed_window_ms?: number;
  /** What becomes of a tick while the former job is unfinished. */
  overlap?: Overlap;
  /** The job's queue; that of its kind unless said. */
  queue?: string | null;
  /** The IANA time zone of the expression. */
  zone?: string;
}

/** A station as people look at it. */
export interface Station {
  bpm?: number | null;
  commits_last_hour: number;
  /** What its owner says of it; empty when nothing. */
  description: string;
  intensity?: number | null;
  /** Phrases older than so many days end; 0 keeps the last 10,000, however old. */
  keep_days: number;
  key?: string | null;
  /** `null` before the first phrase, as is everything that a phrase brings. */
  last_phrase_at_ms?: number | null;
  last_title?: string | null;
  /** How many listen now, by whatever means. */
  listeners: number;
  /** The same, by means. */
  listening: StationListeners;
  mood?: string | null;
  /** What its owner calls it; else as GitHub spells it. */
  name: string;
  /** The formats in which it is on the air now: somebody listens. */
  on_air: string[];
  /** Phrases so far. */
  phrases: number;
  /** Only for those who have a listener token. */
  private: boolean;
  /** `owner/repo`, lower case. */
  station: string;
}

/** What an owner may change; what is absent stays. */
export interface StationChange {
  /** At most 500 characters. */
  description?: string | null;
  /** 0 to 3,650; 0 keeps the last 10,000 phrases, however old. */
  keep_days?: number | null;
  /** At most 100 characters; empty for GitHub's spelling. */
  name?: string | null;
  /** Only for those who have a listener token. */
  private?: boolean | null;
}

/** Listeners by means. */
export interface StationListeners {
  /** By an audio stream. */
  audio: number;
  /** By server-sent events. */
  events: number;
  /** By the realtime socket: pages, mostly. */
  sockets: number;
}

export interface StationState {
  /** The tempo before a mood changes it. */
  bpm: number;
  /** Of a private station: the token that this request brought, for the realtime channel's subscription. A page that signed in by cookie cannot read it otherwise. */
  channel_token?: string | null;
  commits_last_hour: number;
  /** What its owner says of it; empty when nothing. */
  description: string;
  /** The number of the last phrase. */
  latest: number;
  /** By whatever means. */
  listeners: number;
  name: string;
  /** The last phrases, oldest first. */
  phrases: Phrase[];
  /** Only for those who have a listener token. */
  private: boolean;
  station: string;
  v: number;
}

export interface Stations {
  items: Station[];
}

/** An objective and how it stands. Times are Unix milliseconds. */
export interface Status {
  alert?: Severity | null;
  /** Bad ones in the window. */
  bad: number;
  /** The part of the budget that is left: 1 untouched, 0 spent, negative overspent. */
  budget_left: number;
  /** The burn over each window of a rule, the shortest first. */
  burns: Burn[];
  /** The days of the window, the oldest first. */
  days: BudgetDay[];
  /** What counts as good. */
  good: string;
  /** Its stable name. */
  name: string;
  /** The share of good ones that is promised, percent. */
  percent: number;
  /** What to do when it burns. */
  runbook: string;
  /** Nobody is told before then. */
  silenced_until_ms?: number | null;
  /** Its name for people. */
  title: string;
  /** All in the window. */
  total: number;
  /** Over how many days, the present one (UTC) included. */
  window_days: number;
}

export interface SubscriptionList {
  items: SubscriptionRow[];
}

/** A subscription, and how it gets on. */
export interface SubscriptionRow {
  /** A stream's last failure. */
  error?: string | null;
  /** Since when a stream does not get on, Unix milliseconds. */
  failing_since_ms?: number | null;
  /** Failures since it last got on, or jobs that wait for another attempt. */
  failures: number;
  /** Which of them: a condition in the dialects of CloudEvents Subscriptions. */
  filter?: Record<string, unknown> | null;
  /** `work` (a job an event) or `stream` (a cursor over the log). */
  kind: string;
  /** Events that wait for a stream, or unfinished jobs; counted up to 10,000. */
  lag: number;
  /** Its stable name. */
  name: string;
  /** Whether the jobs of one subject run in the order of the log; a stream keeps the order of all. */
  ordered: boolean;
  /** Events that a stream went past. */
  parked: number;
  /** Since when a stream is paused, Unix milliseconds. */
  paused_at_ms?: number | null;
  /** Everything up to here is handled (a stream), or has its job (work). */
  position: number;
  /** Which types; absent of one that nobody declares any more. */
  types?: string | null;
}

/** Kinds of synthesiser. */
export type Synth = "fm" | "poly" | "plain";

/** How fast the phrase goes, and why. */
export interface Tempo {
  /** 40 to 200 beats a minute. */
  bpm: number;
  /** The commits that set the tempo. */
  commits_last_hour: number;
  /** The musical word, `Largo` to `Presto`. */
  name: string;
}

export interface Test {
  event: string;
  label: string;
  mood: Mood;
}

export interface Tests {
  tests: Test[];
}

/** When something would fire. */
export interface Times {
  /** A cron expression. */
  cron?: string | null;
  /** An interval of elapsed time, milliseconds. */
  every_ms?: number | null;
  /** The IANA time zone of the expression. */
  zone?: string;
}

/** What we asked a hub for. */
export interface Topic {
  /** When the hub was last asked, Unix milliseconds. */
  asked_at_ms?: number | null;
  /** Unix milliseconds. */
  changed_at_ms: number;
  /** What was wrong when it was last asked, or why it denied. */
  last_error?: string | null;
  /** When the hub will stop by itself, Unix milliseconds; it is asked again before. */
  lease_until_ms?: number | null;
  /** How it stands. */
  state: TopicState;
  /** The address of the feed. */
  topic: string;
  /** How often it was asked since it last confirmed. */
  tries: number;
}

export interface TopicList {
  items: Topic[];
}

/** How a subscription stands. The words are stored. */
export type TopicState = "asked" | "active" | "ending" | "denied";

/** Deliveries of this process since its start. */
export interface Totals {
  /** In the log. */
  accepted_total: number;
  /** In the log already. */
  duplicate_total: number;
  /** Refused. */
  rejected_total: number;
}

export interface UniqueBody {
  /** A job with the same key; by the same arguments unless said. */
  key?: string | null;
  /** Only one in one of these states. */
  states?: JobState[] | null;
  /** Only one that was enqueued less than so long ago. */
  within_ms?: number | null;
}

/** How a time is written. */
export type Unit = "s" | "ms" | "rfc3339";

/** What became of a delivery. */
export type Verdict = "accepted" | "duplicate" | "rejected";

/** Who sings. */
export interface Voice {
  /** The programming language; empty when none is known. */
  language: string;
  /** The kind of synthesiser. */
  synth: Synth;
  /** The oscillator's shape. */
  waveform: Waveform;
}

/** Oscillator shapes. */
export type Waveform = "sawtooth" | "triangle" | "square" | "sine";

/** What a sentence explains. */
export type What = "mood" | "intensity" | "key" | "scale" | "tempo" | "voice" | "length" | "octave" | "melody" | "chords" | "filter" | "effects" | "cats";

/** A sentence for people. */
export interface Why {
  /** What it explains. */
  what: What;
  /** The sentence. */
  words: string;
}

/** Every route: what it takes, and what it answers. */
export interface Routes {
  /** The public keys of our tokens (RFC 7517): those that signed, the one that signs, and the one that will sign next. */
  "GET /.well-known/jwks.json": {
    answer: KeySet;
  };
  /** Alerts, newest first. */
  "GET /api/v1/alerts": {
    query?: {
      /** Only older than this alert: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: AlertPage;
  };
  /** Takes note of an open alert: there are no more reminders. */
  "POST /api/v1/alerts/{id}/acknowledge": {
    path: {
      /** Its number */
      id: number | string;
    };
    answer: Alert;
  };
  /** The AsyncAPI 3.0 document of this server: its events and its channels. Needs the scope `events:read`. */
  "GET /api/v1/asyncapi.json": {
    answer: Record<string, unknown>;
  };
  /** The audit log, newest first: every change that a signed-in person, an API key or the command line made, and every use of a sign-in link. */
  "GET /api/v1/audit": {
    query?: {
      /** Only by this actor: `admin`, a person's id, `key:7`, `anonymous` or `cli`. */
      actor?: string;
      /** Only with this text in the action or in the target. */
      q?: string;
      /** Only older than this entry: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: AuditPage;
  };
  /** Batches, newest first. */
  "GET /api/v1/batches": {
    query?: {
      /** Only older than this batch. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: BatchPage;
  };
  /** Opens a batch. Jobs come in by their `batch` until it is sealed. */
  "POST /api/v1/batches": {
    body: OpenBody;
    answer: BatchRow;
  };
  /** One batch, and how far it is. */
  "GET /api/v1/batches/{id}": {
    path: {
      id: number | string;
    };
    answer: BatchRow;
  };
  /** Seals a batch and calls off what has not ended of it, in bounded steps. Its callback still begins. */
  "POST /api/v1/batches/{id}/cancel": {
    path: {
      id: number | string;
    };
    answer: BatchRow;
  };
  /** Says that nothing more comes in. */
  "POST /api/v1/batches/{id}/seal": {
    path: {
      id: number | string;
    };
    answer: BatchRow;
  };
  /** How much was said, hour by hour, and by how many, day by day. Counted from the event log, so a moment late. */
  "GET /api/v1/chat/admin/analytics": {
    query?: {
      /** So many days up to now (UTC), today included: 1 to 90. */
      days?: number | string;
    };
    answer: ChatAnalytics;
  };
  /** How it goes now, as of ten seconds ago at most, or a little longer where counting takes long. */
  "GET /api/v1/chat/admin/pulse": {
    answer: ChatPulse;
  };
  /** All rooms, the last spoken in first. */
  "GET /api/v1/chat/admin/rooms": {
    query?: {
      /** The `next` of the page before. */
      before?: string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatAllRooms;
  };
  /** A room from outside: who is in it, how much is said, what its files take. */
  "GET /api/v1/chat/admin/rooms/{room}": {
    path: {
      room: string;
    };
    answer: ChatRoomWatched;
  };
  /** Deletes a room, for everybody. */
  "DELETE /api/v1/chat/admin/rooms/{room}": {
    path: {
      room: string;
    };
    answer: undefined;
  };
  /** The settings of the chat. */
  "GET /api/v1/chat/admin/settings": {
    answer: ChatSettings;
  };
  /** Saves the settings; they hold from the next request on, in every process. `version` is that of the settings that were read: where somebody saved others since, nothing is saved, and the answer is 409 with the code `settings_changed`. */
  "PUT /api/v1/chat/admin/settings": {
    body: ChatSettings;
    answer: ChatSettings;
  };
  /** How much is going on, as of ten seconds ago at most, or a little longer where counting takes long. */
  "GET /api/v1/chat/admin/stats": {
    answer: ChatFigures;
  };
  /** The caller's picture. */
  "GET /api/v1/chat/avatar": {
    answer: ChatAvatar;
  };
  /** Gives the caller a picture, in place of the one that was there. JPEG, PNG, GIF or WebP, told by its bytes; 5 MiB at most. It is made anew of its middle, 400 by 400 pixels: nothing is left of where and with what it was taken. */
  "POST /api/v1/chat/avatar": {
    body: unknown;
    answer: ChatAvatar;
  };
  /** Takes the caller's picture back. */
  "DELETE /api/v1/chat/avatar": {
    answer: undefined;
  };
  /** A picture of somebody whom the caller may know of, or of a room that the caller is in: 400 by 400 pixels, JPEG, or WebP where one sees through it. What an address answered with stays so: another picture has another one. */
  "GET /api/v1/chat/avatars/{id}": {
    path: {
      id: string;
    };
    answer: unknown;
  };
  /** The content of a file. `Range` is served. A picture, a recording, a video is shown; whatever else is saved. Members of its room open it, and whoever has a link to it. */
  "GET /api/v1/chat/files/{id}": {
    path: {
      id: string;
    };
    query?: {
      /** Of a link: until when it opens the file, Unix milliseconds. */
      until?: number | string;
      /** Of a link: that we made it. */
      signature?: string;
    };
    answer: unknown;
  };
  /** A link that opens a file for a quarter of an hour without a session, for as long as who made it may open it. */
  "POST /api/v1/chat/files/{id}/link": {
    path: {
      id: string;
    };
    answer: ChatFileLink;
  };
  /** What is shown of a picture at first: 640 pixels at most on its longer side, JPEG or WebP. */
  "GET /api/v1/chat/files/{id}/preview": {
    path: {
      id: string;
    };
    query?: {
      /** Of a link: until when it opens the file, Unix milliseconds. */
      until?: number | string;
      /** Of a link: that we made it. */
      signature?: string;
    };
    answer: unknown;
  };
  /** The messages that mention the caller. */
  "GET /api/v1/chat/mentions": {
    query?: {
      /** The `next` of the page before. */
      before?: string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatFound;
  };
  /** How the caller wants to be told. */
  "GET /api/v1/chat/notifications": {
    answer: ChatNotifications;
  };
  /** Says how the caller wants to be told. */
  "PUT /api/v1/chat/notifications": {
    body: ChatNotifications;
    answer: undefined;
  };
  /** The people who may sign in, for whoever may too; where the settings say so, those alone whom one shares a room with. */
  "GET /api/v1/chat/people": {
    query?: {
      /** Only with this text in their name; at most 50 characters. */
      q?: string;
      /** The `next` of the page before. */
      after?: string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatPeople;
  };
  /** The picture of a page that a message links to. */
  "GET /api/v1/chat/previews/{id}/image": {
    path: {
      id: string;
    };
    answer: unknown;
  };
  /** Has the caller's browser told of messages, for as long as the caller is signed in there. Of more than 20 the oldest goes. */
  "POST /api/v1/chat/push": {
    body: NewChatPush;
    answer: undefined;
  };
  /** Has a browser of the caller told no more. */
  "DELETE /api/v1/chat/push": {
    body: EndedChatPush;
    answer: undefined;
  };
  /** The key that pushes of this installation are signed with. */
  "GET /api/v1/chat/push/key": {
    answer: ChatPushKey;
  };
  /** The caller's quick replies. */
  "GET /api/v1/chat/quick-replies": {
    answer: ChatQuickReplies;
  };
  /** Keeps a quick reply, in place of the one of this name. */
  "PUT /api/v1/chat/quick-replies/{shortcut}": {
    path: {
      shortcut: string;
    };
    body: NewChatQuickReply;
    answer: undefined;
  };
  /** Drops a quick reply. */
  "DELETE /api/v1/chat/quick-replies/{shortcut}": {
    path: {
      shortcut: string;
    };
    answer: undefined;
  };
  /** The caller's rooms, the last spoken in first, with what is unread. */
  "GET /api/v1/chat/rooms": {
    query?: {
      /** The archived ones, and no others. */
      archived?: boolean;
      /** Only after this room in the list: the `next` of the page before. */
      before?: string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatRooms;
  };
  /** Makes a group, which belongs to the caller. */
  "POST /api/v1/chat/rooms": {
    body: NewChatRoom;
    answer: ChatRoomWhole;
  };
  /** The direct room of the caller and another person: the one that is there, or a new one. */
  "POST /api/v1/chat/rooms/direct": {
    body: NewDirectRoom;
    answer: ChatRoomWhole;
  };
  /** A room, with who is in it and what each has got and read. */
  "GET /api/v1/chat/rooms/{room}": {
    path: {
      room: string;
    };
    answer: ChatRoomWhole;
  };
  /** Gives a group another name or description. */
  "PATCH /api/v1/chat/rooms/{room}": {
    path: {
      room: string;
    };
    body: ChatRoomChange;
    answer: ChatRoomWhole;
  };
  /** Deletes a group, for everybody. Its owner may. */
  "DELETE /api/v1/chat/rooms/{room}": {
    path: {
      room: string;
    };
    answer: undefined;
  };
  /** Gives a group a picture, as the caller's own is given. Who manages the group may. */
  "POST /api/v1/chat/rooms/{room}/avatar": {
    path: {
      room: string;
    };
    body: unknown;
    answer: ChatAvatar;
  };
  /** Takes a group's picture back. Who manages the group may. */
  "DELETE /api/v1/chat/rooms/{room}/avatar": {
    path: {
      room: string;
    };
    answer: undefined;
  };
  /** Sends a file to a room, for a message to come: `file_id` of that. What it is its bytes say; 10 MiB at most. Of a picture and of a recording it is left out where and with what it was taken. A file that no message gets within an hour is removed. */
  "POST /api/v1/chat/rooms/{room}/files": {
    path: {
      room: string;
    };
    query?: {
      /** What it is called, such as `photo.jpg`. */
      name?: string;
      /** Of a recording that does not say so itself: how long it is, milliseconds. 120 s at most. */
      duration_ms?: number | string;
    };
    body: unknown;
    answer: ChatFileSent;
  };
  /** What the caller has hidden in a room. The room's channel is one for all: whoever shows it leaves these out. */
  "GET /api/v1/chat/rooms/{room}/hidden": {
    path: {
      room: string;
    };
    answer: ChatHidden;
  };
  /** Deletes a message for the caller alone, on all devices: no answer holds it any more. To everybody else it is as it was. */
  "PUT /api/v1/chat/rooms/{room}/hidden/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: undefined;
  };
  /** Shows the caller a message again that it has hidden. */
  "DELETE /api/v1/chat/rooms/{room}/hidden/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: undefined;
  };
  /** Leaves a group. Its owner hands it over first. */
  "POST /api/v1/chat/rooms/{room}/leave": {
    path: {
      room: string;
    };
    answer: undefined;
  };
  /** Puts people into a group; who is in it already stays what he is. */
  "POST /api/v1/chat/rooms/{room}/members": {
    path: {
      room: string;
    };
    body: NewChatMembers;
    answer: ChatMembers;
  };
  /** Makes somebody of a group an admin, a member again, or its owner. */
  "PUT /api/v1/chat/rooms/{room}/members/{person}": {
    path: {
      room: string;
      person: string;
    };
    body: ChatMemberRole;
    answer: undefined;
  };
  /** Takes somebody out of a group: within a second nothing of it reaches him. */
  "DELETE /api/v1/chat/rooms/{room}/members/{person}": {
    path: {
      room: string;
      person: string;
    };
    answer: undefined;
  };
  /** Messages of a room: the newest, those before a number, or those after one. */
  "GET /api/v1/chat/rooms/{room}/messages": {
    path: {
      room: string;
    };
    query?: {
      /** The newest before this number. */
      before?: number | string;
      /** The first after this number. */
      after?: number | string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatMessages;
  };
  /** Says something. The same `client_id` again answers with the message that it became. */
  "POST /api/v1/chat/rooms/{room}/messages": {
    path: {
      room: string;
    };
    body: NewChatMessage;
    answer: ChatMessage;
  };
  /** One message. */
  "GET /api/v1/chat/rooms/{room}/messages/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: ChatMessageShown;
  };
  /** Gives one's own message another text. */
  "PATCH /api/v1/chat/rooms/{room}/messages/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    body: ChatMessageChange;
    answer: ChatMessage;
  };
  /** Deletes a message for everybody. */
  "DELETE /api/v1/chat/rooms/{room}/messages/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: undefined;
  };
  /** Who put what under a message. */
  "GET /api/v1/chat/rooms/{room}/messages/{seq}/reactions": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: ChatReactors;
  };
  /** Puts an emoji under a message, or takes it back. */
  "POST /api/v1/chat/rooms/{room}/messages/{seq}/reactions": {
    path: {
      room: string;
      seq: number | string;
    };
    body: NewChatReaction;
    answer: ChatReactionState;
  };
  /** Who has got and read a message, and when. The times of somebody's last 200 steps in a room are known, none from before they were kept, and none of who does not show when it was last seen. */
  "GET /api/v1/chat/rooms/{room}/messages/{seq}/receipts": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: ChatReceipts;
  };
  /** Mutes or archives a room for the caller alone. */
  "PATCH /api/v1/chat/rooms/{room}/mine": {
    path: {
      room: string;
    };
    body: ChatMineChange;
    answer: undefined;
  };
  /** A room's pinned messages, the last pinned first. */
  "GET /api/v1/chat/rooms/{room}/pins": {
    path: {
      room: string;
    };
    answer: ChatPins;
  };
  /** Pins a message. */
  "PUT /api/v1/chat/rooms/{room}/pins/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: undefined;
  };
  /** Takes a pin away. */
  "DELETE /api/v1/chat/rooms/{room}/pins/{seq}": {
    path: {
      room: string;
      seq: number | string;
    };
    answer: undefined;
  };
  /** Says up to where the caller has got and read. It only goes forward; what is behind that already changes nothing. */
  "POST /api/v1/chat/rooms/{room}/receipts": {
    path: {
      room: string;
    };
    body: NewChatReceipt;
    answer: ChatReceipt;
  };
  /** Says that the caller is writing, to those who look at the room now. It is kept nowhere. */
  "POST /api/v1/chat/rooms/{room}/typing": {
    path: {
      room: string;
    };
    body: ChatTyping;
    answer: undefined;
  };
  /** Finds messages by their words, in the caller's rooms. */
  "GET /api/v1/chat/search": {
    query: {
      /** Words, all of which a message has; the last one may be only begun, if it has two characters. 2 to 200 characters, at most 16 words. */
      q: string;
      /** Only in this room. */
      room?: string;
      /** The `next` of the page before. */
      before?: string;
      /** At most so many, 200 at most. */
      limit?: number | string;
    };
    answer: ChatFound;
  };
  /** What holds for everybody in the chat now. The channel `chat_state:all` tells when it changes. */
  "GET /api/v1/chat/standing": {
    answer: ChatStanding;
  };
  /** What others see of where the caller is. */
  "GET /api/v1/chat/status": {
    answer: ChatMyStatus;
  };
  /** Says what others see of where the caller is. */
  "PATCH /api/v1/chat/status": {
    body: ChatStatusChange;
    answer: undefined;
  };
  /** Every endpoint, the oldest first. */
  "GET /api/v1/endpoints": {
    answer: EndpointList;
  };
  /** Registers an endpoint. It gets the events of its types that are appended from now on, each at least once and in no promised order, as Standard Webhooks messages. */
  "POST /api/v1/endpoints": {
    body: CreateBody;
    answer: Created;
  };
  /** One endpoint. */
  "GET /api/v1/endpoints/{id}": {
    path: {
      id: string;
    };
    answer: EndpointDetail;
  };
  /** Changes an endpoint; what is not named stays. */
  "PATCH /api/v1/endpoints/{id}": {
    path: {
      id: string;
    };
    body: ChangeBody;
    answer: EndpointRow;
  };
  /** Removes an endpoint with its secrets and messages. */
  "DELETE /api/v1/endpoints/{id}": {
    path: {
      id: string;
    };
    answer: undefined;
  };
  /** Disables an endpoint: it gets nothing, and what waits for it is given up when its time comes. */
  "POST /api/v1/endpoints/{id}/disable": {
    path: {
      id: string;
    };
    answer: EndpointRow;
  };
  /** Enables an endpoint; its health is forgotten. What it missed is sent by `recover`. */
  "POST /api/v1/endpoints/{id}/enable": {
    path: {
      id: string;
    };
    answer: EndpointRow;
  };
  /** Messages of an endpoint, newest first. */
  "GET /api/v1/endpoints/{id}/messages": {
    path: {
      id: string;
    };
    query?: {
      /** Only in this state. */
      state?: MessageState;
      /** Only older than this number: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: MessagePage;
  };
  /** One message, with its attempts and what is sent. */
  "GET /api/v1/endpoints/{id}/messages/{number}": {
    path: {
      id: string;
      number: number | string;
    };
    answer: MessageDetail;
  };
  /** Sends a message again under its own id, now; its attempts begin anew. */
  "POST /api/v1/endpoints/{id}/messages/{number}/resend": {
    path: {
      id: string;
      number: number | string;
    };
    answer: MessageRow;
  };
  /** Sends what the endpoint missed since a time: events that never went to it, and messages that were given up. With `dry_run` it only counts. */
  "POST /api/v1/endpoints/{id}/recover": {
    path: {
      id: string;
    };
    body: RecoverBody;
    answer: RecoverPlan;
  };
  /** Makes a new secret; the ones before it sign beside it for a while, each message then has a signature of each. */
  "POST /api/v1/endpoints/{id}/rotate": {
    path: {
      id: string;
    };
    body: RotateBody;
    answer: Rotated;
  };
  /** Sends a message of type `mainspring.endpoint.test` to this endpoint alone, also when it is disabled. It is tried once. */
  "POST /api/v1/endpoints/{id}/test": {
    path: {
      id: string;
    };
    answer: MessageRow;
  };
  /** Every event type that is declared, with its schema. What is not here is refused. Needs the scope `events:read`. */
  "GET /api/v1/event-types": {
    answer: EventTypeList;
  };
  /** Events, newest first. With `Accept: application/cloudevents-batch+json` a batch of CloudEvents, and the pages in `Link`. Needs the scope `events:read`. */
  "GET /api/v1/events": {
    query?: {
      /** Only of this type, or of this family (`github.*`). */
      type?: string;
      /** Only from this source. */
      source?: string;
      /** Only about this. */
      subject?: string;
      /** Only with this id. */
      id?: string;
      /** Only those appended at this time or later: RFC 3339, or Unix milliseconds. */
      from?: string;
      /** Only those appended before this time. */
      until?: string;
      /** Only those of which this condition holds: JSON in the filter dialects of CloudEvents Subscriptions (`exact`, `prefix`, `suffix`, `all`, `any`, `not`), a name being an attribute's or a JSON pointer into the payload. */
      filter?: string;
      /** Only older than this position, newest first. */
      before?: number | string;
      /** Only newer than this position, oldest first. */
      after?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: EventPage;
  };
  /** Publishes CloudEvents: one (`application/cloudevents+json`, or the payload with `ce-` headers), or a batch of at most 500 (`application/cloudevents-batch+json`), which is stored whole or not at all. */
  "POST /api/v1/events": {
    body: Record<string, unknown>;
    answer: Published;
  };
  /** Replays a range of the log into one subscription: a work subscription gets new jobs, a stream's handler gets the events while its own cursor stays. `dry_run` is true unless it is said to be false: then only the count is answered. */
  "POST /api/v1/events/replay": {
    body: ReplayRequest;
    answer: DryRun | Replay;
  };
  /** Replays, newest first. */
  "GET /api/v1/events/replays": {
    query?: {
      /** Only older than this replay: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: ReplayPage;
  };
  /** One replay and how far it is. */
  "GET /api/v1/events/replays/{id}": {
    path: {
      id: number | string;
    };
    answer: Replay;
  };
  /** Calls off a running replay after its current batch. What went in stays. */
  "POST /api/v1/events/replays/{id}/cancel": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** What the log keeps, and who still needs its oldest events. */
  "GET /api/v1/events/retention": {
    answer: RetentionStatus;
  };
  /** The live tail: each event as a CloudEvent, with its position as the id of the message. */
  "GET /api/v1/events/tail": {
    query?: {
      /** Only of this type, or of this family (`github.*`). */
      type?: string;
      /** Only from this source. */
      source?: string;
      /** Only about this. */
      subject?: string;
      /** Only those of which this condition holds: JSON in the filter dialects of CloudEvents Subscriptions (`exact`, `prefix`, `suffix`, `all`, `any`, `not`), a name being an attribute's or a JSON pointer into the payload. */
      filter?: string;
      /** Begin after this position instead of now; the header `Last-Event-ID` says it as well, and wins. */
      after?: number | string;
    };
    answer: unknown;
  };
  /** One event, with its payload and the jobs that it caused. With `Accept: application/cloudevents+json` as a CloudEvent. Needs the scope `events:read`. */
  "GET /api/v1/events/{position}": {
    path: {
      position: number | string;
    };
    answer: EventDetail;
  };
  /** Which processes there are, what they do, and what each leads in. */
  "GET /api/v1/instances": {
    answer: Instances;
  };
  /** The invitations that can be used, newest first. */
  "GET /api/v1/invitations": {
    answer: Invitation[];
  };
  /** Makes an invitation, good for one account within a week, as long as its maker may invite. */
  "POST /api/v1/invitations": {
    body: Invite;
    answer: MadeInvitation;
  };
  /** Takes an invitation back. */
  "DELETE /api/v1/invitations/{id}": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** Jobs, newest first; those of one end state by their end. */
  "GET /api/v1/jobs": {
    query?: {
      /** Only in this state. */
      state?: JobState;
      /** Only in this queue. */
      queue?: string;
      /** Only of this kind. */
      kind?: string;
      /** Only of this batch. */
      batch?: number | string;
      /** Only after this job in the list: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: JobPage;
  };
  /** Enqueues a job. When it is acknowledged, it is on disk. */
  "POST /api/v1/jobs": {
    body: JobBody;
    answer: EnqueuedBody;
  };
  /** Enqueues many jobs: all of them, or none. */
  "POST /api/v1/jobs/bulk": {
    body: ManyBody;
    answer: ManyEnqueued;
  };
  /** Calls many unfinished jobs off. */
  "POST /api/v1/jobs/cancel": {
    body: BulkBody;
    answer: BulkAnswer;
  };
  /** Gives a worker its next jobs; waits for some if it is told to. No jobs are an empty list. */
  "POST /api/v1/jobs/claim": {
    body: ClaimBody;
    answer: ClaimedBody;
  };
  /** How many jobs there are in each state. */
  "GET /api/v1/jobs/counts": {
    answer: BTreeMap;
  };
  /** Runs many ended jobs again, dead letters unless said, with all their attempts before them. */
  "POST /api/v1/jobs/redrive": {
    body: BulkBody;
    answer: BulkAnswer;
  };
  /** One job, with its arguments and the error of every attempt. */
  "GET /api/v1/jobs/{id}": {
    path: {
      id: number | string;
    };
    answer: JobDetail;
  };
  /** Calls a job off. One that runs is told to stop, and ends cancelled when it has: until then it is `cancelling`. */
  "POST /api/v1/jobs/{id}/cancel": {
    path: {
      id: number | string;
    };
    answer: JobRow;
  };
  /** Says that the job is done. */
  "POST /api/v1/jobs/{id}/complete": {
    path: {
      id: number | string;
    };
    body: CompleteBody;
    answer: Settled;
  };
  /** Says that the attempt failed, and what is to happen. */
  "POST /api/v1/jobs/{id}/fail": {
    path: {
      id: number | string;
    };
    body: FailBody;
    answer: Settled;
  };
  /** Says that the worker still works, and how far it is. */
  "POST /api/v1/jobs/{id}/heartbeat": {
    path: {
      id: number | string;
    };
    body: HeartbeatBody;
    answer: HeartbeatAnswer;
  };
  /** Runs a job now: one that waits for its time, or one that has ended (its attempts begin again). */
  "POST /api/v1/jobs/{id}/retry": {
    path: {
      id: number | string;
    };
    answer: JobRow;
  };
  /** The API keys, newest first, then revoked ones. */
  "GET /api/v1/keys": {
    answer: ApiKey[];
  };
  /** Makes an API key and shows it, this once. */
  "POST /api/v1/keys": {
    body: NewKey;
    answer: MadeKey;
  };
  /** Makes an API key worthless, for ever. */
  "DELETE /api/v1/keys/{id}": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** Every kind that this process serves, and every paused one. */
  "GET /api/v1/kinds": {
    answer: KindRow[];
  };
  /** Begins nothing more of a kind, in whatever queue; what runs goes on. */
  "POST /api/v1/kinds/{kind}/pause": {
    path: {
      kind: string;
    };
    answer: undefined;
  };
  /** Goes on with a kind. */
  "POST /api/v1/kinds/{kind}/resume": {
    path: {
      kind: string;
    };
    answer: undefined;
  };
  /** Who you are. */
  "GET /api/v1/me": {
    answer: PersonDetails;
  };
  /** Gives you another name. */
  "PATCH /api/v1/me": {
    body: Rename;
    answer: PersonDetails;
  };
  /** Gives you another password, and ends your other sessions. */
  "POST /api/v1/me/password": {
    body: NewPassword;
    answer: undefined;
  };
  /** Where you are signed in, newest first. */
  "GET /api/v1/me/sessions": {
    answer: OpenSession[];
  };
  /** Signs one of your browsers out. */
  "DELETE /api/v1/me/sessions/{id}": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** Signs you out everywhere, here too. */
  "POST /api/v1/me/sign-out": {
    answer: undefined;
  };
  /** Makes a token by which you are known for ten minutes, where there are no cookies. It changes nothing about your account. */
  "POST /api/v1/me/token": {
    answer: MadeToken;
  };
  /** What is logged now. */
  "GET /api/v1/ops/log-level": {
    answer: LevelNow;
  };
  /** Changes what is logged, for a while. */
  "PUT /api/v1/ops/log-level": {
    body: LogLevelChange;
    answer: LevelNow;
  };
  /** How everything is. */
  "GET /api/v1/overview": {
    answer: Now;
  };
  /** The people, newest first. */
  "GET /api/v1/people": {
    query?: {
      /** Only with this text in the name or in the address. */
      q?: string;
      /** Only older than this person: the `next` of the page before. */
      before?: string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: PeoplePage;
  };
  /** Makes a person with a password. */
  "POST /api/v1/people": {
    body: MakePerson;
    answer: PersonDetails;
  };
  /** Makes the account whose address a link confirms, where registering takes that. Sign in next. */
  "POST /api/v1/people/confirm": {
    body: Confirm;
    answer: undefined;
  };
  /** Sends a link for a new password to this address, if it has an account: the answer is the same. */
  "POST /api/v1/people/password-forgotten": {
    body: Forgotten;
    answer: undefined;
  };
  /** Sets a new password by a link, of a letter or of an administrator. Sign in next. */
  "POST /api/v1/people/password-reset": {
    body: SetPassword;
    answer: undefined;
  };
  /** Makes an account, unless the address has one: the answer is the same, so that nobody can ask who is here. Sign in next; where addresses are confirmed, open the link of the letter first. */
  "POST /api/v1/people/register": {
    body: Register;
    answer: undefined;
  };
  /** One person. */
  "GET /api/v1/people/{id}": {
    path: {
      id: string;
    };
    answer: PersonDetails;
  };
  /** Gives a person another name or role. */
  "PATCH /api/v1/people/{id}": {
    path: {
      id: string;
    };
    body: PersonChange;
    answer: PersonDetails;
  };
  /** Removes what is known of a person. Their id stays with what they wrote. */
  "DELETE /api/v1/people/{id}": {
    path: {
      id: string;
    };
    answer: undefined;
  };
  /** Bans a person. Everything they have open ends within a second, in every process. */
  "PUT /api/v1/people/{id}/ban": {
    path: {
      id: string;
    };
    body: Ban;
    answer: PersonDetails;
  };
  /** Takes a ban back. */
  "DELETE /api/v1/people/{id}/ban": {
    path: {
      id: string;
    };
    answer: undefined;
  };
  /** Makes a link by which a person sets a new password, once, within a day. */
  "POST /api/v1/people/{id}/password-reset": {
    path: {
      id: string;
    };
    answer: MadeLink;
  };
  /** Signs a person out everywhere: every session and every token of theirs is worth nothing. */
  "POST /api/v1/people/{id}/sign-out": {
    path: {
      id: string;
    };
    answer: undefined;
  };
  /** Every queue that is served, limited or paused, or in which jobs wait or run. */
  "GET /api/v1/queues": {
    answer: QueueRow[];
  };
  /** Begins nothing more of a queue; what runs goes on. */
  "POST /api/v1/queues/{queue}/pause": {
    path: {
      queue: string;
    };
    answer: undefined;
  };
  /** Changes what a queue may do, in every process, from the next claim on. */
  "PUT /api/v1/queues/{queue}/policy": {
    path: {
      queue: string;
    };
    body: QueuePolicy;
    answer: undefined;
  };
  /** Goes back to what the code declares for a queue. */
  "DELETE /api/v1/queues/{queue}/policy": {
    path: {
      queue: string;
    };
    answer: undefined;
  };
  /** Goes on with a queue. */
  "POST /api/v1/queues/{queue}/resume": {
    path: {
      queue: string;
    };
    answer: undefined;
  };
  /** Every station, the last heard first. Names of repositories are not for everybody. */
  "GET /api/v1/radio/stations": {
    answer: Stations;
  };
  /** Makes a station before its first event, to describe it or to shut it in time. */
  "POST /api/v1/radio/stations": {
    body: NewStation;
    answer: Station;
  };
  /** Changes what is given, and leaves the rest. */
  "PATCH /api/v1/radio/stations/{owner}/{repo}": {
    path: {
      owner: string;
      repo: string;
    };
    body: StationChange;
    answer: Station;
  };
  /** Deletes a station with its phrases and tokens. The next event of its repository begins it anew. */
  "DELETE /api/v1/radio/stations/{owner}/{repo}": {
    path: {
      owner: string;
      repo: string;
    };
    answer: undefined;
  };
  /** The listener tokens of a station, without what they are. */
  "GET /api/v1/radio/stations/{owner}/{repo}/tokens": {
    path: {
      owner: string;
      repo: string;
    };
    answer: ListenerTokens;
  };
  /** Makes a listener token. */
  "POST /api/v1/radio/stations/{owner}/{repo}/tokens": {
    path: {
      owner: string;
      repo: string;
    };
    body: NewListenerToken;
    answer: GivenListenerToken;
  };
  /** Takes a listener token back: whoever listens with it is turned out within a second. */
  "DELETE /api/v1/radio/stations/{owner}/{repo}/tokens/{id}": {
    path: {
      owner: string;
      repo: string;
      id: string;
    };
    answer: undefined;
  };
  /** Makes a token by which a client of yours connects to realtime as this person, and with which it can do nothing else. */
  "POST /api/v1/realtime/connection-tokens": {
    body: NewConnectionToken;
    answer: RealtimeToken;
  };
  /** Makes a token by which a client of this person subscribes to one channel. */
  "POST /api/v1/realtime/subscription-tokens": {
    body: NewSubscriptionToken;
    answer: RealtimeToken;
  };
  /** Schedules, in the order in which they were made. */
  "GET /api/v1/schedules": {
    query?: {
      /** Only those after this one: the `next` of the page before. */
      after?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: SchedulePage;
  };
  /** Adds a schedule. */
  "POST /api/v1/schedules": {
    body: NewSchedule;
    answer: ScheduleDetail;
  };
  /** What an expression or an interval means: in words, and its next ten times. Nothing is kept. */
  "POST /api/v1/schedules/preview": {
    body: Times;
    answer: Preview;
  };
  /** One schedule, with its next ten times and what it did. */
  "GET /api/v1/schedules/{id}": {
    path: {
      id: number | string;
    };
    answer: ScheduleDetail;
  };
  /** Changes the members that are given; `null` takes one away. When it fires counts from now on. A schedule that a product declares is changed in its code. */
  "PATCH /api/v1/schedules/{id}": {
    path: {
      id: number | string;
    };
    body: Spec;
    answer: ScheduleDetail;
  };
  /** Removes a schedule and its history. Jobs that it enqueued stay. */
  "DELETE /api/v1/schedules/{id}": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** What a schedule did, newest first. */
  "GET /api/v1/schedules/{id}/firings": {
    path: {
      id: number | string;
    };
    query?: {
      /** Only older than this one: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: FiringPage;
  };
  /** Fires no further tick until it is resumed. Jobs that are enqueued run. */
  "POST /api/v1/schedules/{id}/pause": {
    path: {
      id: number | string;
    };
    answer: ScheduleDetail;
  };
  /** Fires from now on; what was due while it was paused is not made up. */
  "POST /api/v1/schedules/{id}/resume": {
    path: {
      id: number | string;
    };
    answer: ScheduleDetail;
  };
  /** Fires now, beside the ticks, paused or not. */
  "POST /api/v1/schedules/{id}/run": {
    path: {
      id: number | string;
    };
    answer: FiringRow;
  };
  /** Who is signed in. */
  "GET /api/v1/session": {
    answer: Session;
  };
  /** Signs this browser in, for 30 days. */
  "POST /api/v1/session": {
    body: SignIn;
    answer: Session;
  };
  /** Signs this browser out. */
  "POST /api/v1/session/end": {
    answer: undefined;
  };
  /** Every objective: its budget, how fast it burns, its days. */
  "GET /api/v1/slo": {
    answer: Objectives;
  };
  /** Keeps an objective's alerts from being told for a while. They are noted and shown all the same. */
  "PUT /api/v1/slo/{objective}/silence": {
    path: {
      /** Its name */
      objective: string;
    };
    body: Silence;
    answer: undefined;
  };
  /** Every subscription, how far it is, and whether it gets on. */
  "GET /api/v1/subscriptions": {
    answer: SubscriptionList;
  };
  /** Events that a stream could not handle and went past, oldest first. */
  "GET /api/v1/subscriptions/{name}/parked": {
    path: {
      name: string;
    };
    query?: {
      /** Only newer than this position: the `next` of the page before. */
      after?: number | string;
    };
    answer: ParkedPage;
  };
  /** Tries every parked event of a stream again, each alone, as soon as the stream is between two batches. */
  "POST /api/v1/subscriptions/{name}/parked/retry": {
    path: {
      name: string;
    };
    answer: Asked;
  };
  /** Takes a parked event off the list: the stream never handles it. */
  "POST /api/v1/subscriptions/{name}/parked/{position}/discard": {
    path: {
      name: string;
      position: number | string;
    };
    answer: undefined;
  };
  /** Tries one parked event again. One that goes through leaves the list. */
  "POST /api/v1/subscriptions/{name}/parked/{position}/retry": {
    path: {
      name: string;
      position: number | string;
    };
    answer: Asked;
  };
  /** Pauses a stream after its current batch. What comes meanwhile waits in the log, which retention does not touch. */
  "POST /api/v1/subscriptions/{name}/pause": {
    path: {
      name: string;
    };
    answer: undefined;
  };
  /** Lets a paused stream go on where it stood. */
  "POST /api/v1/subscriptions/{name}/resume": {
    path: {
      name: string;
    };
    answer: undefined;
  };
  /** Takes one token of this server back, by its own name (`jti`): what it opened ends within a second, in every process. */
  "POST /api/v1/tokens/{id}/revoke": {
    path: {
      id: string;
    };
    answer: undefined;
  };
  /** Deliveries with their verdicts, newest first. */
  "GET /api/v1/webhooks/deliveries": {
    query?: {
      /** Only of this source. */
      source?: string;
      /** Only with this verdict. */
      verdict?: Verdict;
      /** Only older: the `next` of the page before. */
      before?: number | string;
      /** At most so many, 200 at the most; 50 unless said. */
      limit?: number | string;
    };
    answer: DeliveryPage;
  };
  /** One delivery as it came: headers, body, and what its signature was compared with. */
  "GET /api/v1/webhooks/deliveries/{id}": {
    path: {
      id: string;
    };
    answer: DeliveryDetail;
  };
  /** Puts a delivery into the log once more; a refused one when it verifies with the secrets of now. */
  "POST /api/v1/webhooks/deliveries/{id}/replay": {
    path: {
      id: string;
    };
    answer: Replayed;
  };
  /** The newest replays. */
  "GET /api/v1/webhooks/replays": {
    answer: ReplayList;
  };
  /** Counts the deliveries that a replay would repeat, or begins it as a job. */
  "POST /api/v1/webhooks/replays": {
    body: NewReplay;
    answer: ReplayPlan | ReplayRow;
  };
  /** How far a replay is. */
  "GET /api/v1/webhooks/replays/{id}": {
    path: {
      id: number | string;
    };
    answer: ReplayRow;
  };
  /** Ends a replay; what is replayed stays. */
  "POST /api/v1/webhooks/replays/{id}/cancel": {
    path: {
      id: number | string;
    };
    answer: undefined;
  };
  /** The sources, with their addresses and figures. */
  "GET /api/v1/webhooks/sources": {
    answer: SourceList;
  };
  /** Makes a source. The answer holds its secret and its whole address. */
  "POST /api/v1/webhooks/sources": {
    body: NewSource;
    answer: Revealed;
  };
  /** One source. */
  "GET /api/v1/webhooks/sources/{source}": {
    path: {
      source: string;
    };
    answer: SourceRow;
  };
  /** Switches a source on or off, changes its settings, or gives it another secret address. */
  "PATCH /api/v1/webhooks/sources/{source}": {
    path: {
      source: string;
    };
    body: SourceChange;
    answer: SourceRow;
  };
  /** Removes a source with its secrets. Its deliveries and events stay. */
  "DELETE /api/v1/webhooks/sources/{source}": {
    path: {
      source: string;
    };
    answer: undefined;
  };
  /** Gives a source a new secret; the previous one counts for a while longer. Without a body one is made where we make them. */
  "POST /api/v1/webhooks/sources/{source}/rotate": {
    path: {
      source: string;
    };
    body: Rotation;
    answer: Revealed;
  };
  /** Shows a source's secret and address, to give them to the sender. */
  "POST /api/v1/webhooks/sources/{source}/secret": {
    path: {
      source: string;
    };
    answer: Revealed;
  };
  /** Ends a secret at once. */
  "DELETE /api/v1/webhooks/sources/{source}/secrets/{id}": {
    path: {
      source: string;
      id: number | string;
    };
    answer: undefined;
  };
  /** What a source is subscribed to at its hub. */
  "GET /api/v1/webhooks/sources/{source}/topics": {
    path: {
      source: string;
    };
    answer: TopicList;
  };
  /** Has the hub asked for a topic, now and before each lease ends. It is confirmed when it asks back, and nothing else is. */
  "POST /api/v1/webhooks/sources/{source}/topics": {
    path: {
      source: string;
    };
    body: NewTopic;
    answer: undefined;
  };
  /** Says that the address is there; answers a hub that asks whether a subscription was meant. */
  "GET /in/{source}": {
    path: {
      source: string;
    };
    query?: {
      "hub.mode"?: string;
      "hub.topic"?: string;
      "hub.challenge"?: string;
      "hub.lease_seconds"?: number | string;
      "hub.reason"?: string;
      /** What we put into the address that the hub was given. */
      token?: string;
    };
    answer: Ready;
  };
  /** A delivery of a sender: verified, in the log, then answered as the sender expects. */
  "POST /in/{source}": {
    path: {
      source: string;
    };
    body: Record<string, unknown>;
    answer: Accepted | undefined;
  };
  /** Says that the secret address is there; answers a hub that asks whether a subscription was meant. */
  "GET /in/{source}/{token}": {
    path: {
      source: string;
      token: string;
    };
    query?: {
      "hub.mode"?: string;
      "hub.topic"?: string;
      "hub.challenge"?: string;
      "hub.lease_seconds"?: number | string;
      "hub.reason"?: string;
      /** What we put into the address that the hub was given. */
      token?: string;
    };
    answer: Ready;
  };
  /** A delivery to a source whose address is a secret. */
  "POST /in/{source}/{token}": {
    path: {
      source: string;
      token: string;
    };
    body: Record<string, unknown>;
    answer: Accepted | undefined;
  };
  /** The test phrases there are. */
  "GET /radio/events.json": {
    answer: Tests;
  };
  /** The last 24 hours for a time-lapse: at most 120 phrases. */
  "GET /radio/{owner}/{repo}/day": {
    path: {
      owner: string;
      repo: string;
    };
    query?: {
      /** A private station's listener token; `Authorization: Bearer` or the page's cookie say the same. */
      token?: string;
    };
    answer: RadioDay;
  };
  /** The phrases of a station as they are played, by server-sent events. docs/protocol/phrase.md describes them. */
  "GET /radio/{owner}/{repo}/events": {
    path: {
      owner: string;
      repo: string;
    };
    query?: {
      /** The number of the last phrase that was heard; `Last-Event-ID` says the same. */
      since?: number | string;
    };
    answer: unknown;
  };
  /** A stretch of the past as it was on the air, as WAV. */
  "GET /radio/{owner}/{repo}/recording.wav": {
    path: {
      owner: string;
      repo: string;
    };
    query: {
      /** The first moment, Unix milliseconds. */
      from: number | string;
      /** The moment after the last, Unix milliseconds: at most an hour later, and not in the future. */
      to: number | string;
      /** A private station's listener token. */
      token?: string;
    };
    answer: unknown;
  };
  /** Keeps a listener token in a cookie for the addresses of this station, for pages and players in a browser. What does not open the station is refused, and so is every token of a station that is open or is not there. */
  "POST /radio/{owner}/{repo}/session": {
    path: {
      owner: string;
      repo: string;
    };
    body: ListenerSession;
    answer: undefined;
  };
  /** Forgets the token in the cookie. */
  "DELETE /radio/{owner}/{repo}/session": {
    path: {
      owner: string;
      repo: string;
    };
    answer: undefined;
  };
  /** A station as it is now, with its recent past. */
  "GET /radio/{owner}/{repo}/state": {
    path: {
      owner: string;
      repo: string;
    };
    answer: StationState;
  };
  /** The station as an endless stream of sound, for any player: `stream.mp3` (192 kbit/s), `stream.ogg` (Opus, 128 kbit/s) or `stream.wav`. It begins with the last two seconds, so that players start at once. */
  "GET /radio/{owner}/{repo}/stream.{format}": {
    path: {
      owner: string;
      repo: string;
      /** mp3, ogg or wav */
      format: string;
    };
    query?: {
      /** A private station's listener token; `Authorization: Bearer` or the page's cookie say the same. */
      token?: string;
    };
    answer: unknown;
  };
  /** A phrase without a commit: made for whoever asks, neither kept nor sent to others. */
  "GET /radio/{owner}/{repo}/test": {
    path: {
      owner: string;
      repo: string;
    };
    query?: {
      /** The name of a test, from `/radio/events.json`. */
      event?: string;
    };
    answer: Phrase;
  };
}

/** The lists that come in pages, and the parameter that asks for what follows `next`. */
export const CURSORS = {
  "/api/v1/alerts": "before",
  "/api/v1/audit": "before",
  "/api/v1/batches": "before",
  "/api/v1/chat/admin/rooms": "before",
  "/api/v1/chat/mentions": "before",
  "/api/v1/chat/people": "after",
  "/api/v1/chat/rooms": "before",
  "/api/v1/chat/search": "before",
  "/api/v1/endpoints/{id}/messages": "before",
  "/api/v1/events": "before",
  "/api/v1/events/replays": "before",
  "/api/v1/jobs": "before",
  "/api/v1/people": "before",
  "/api/v1/schedules": "after",
  "/api/v1/schedules/{id}/firings": "before",
  "/api/v1/subscriptions/{name}/parked": "after",
  "/api/v1/webhooks/deliveries": "before",
} as const;
