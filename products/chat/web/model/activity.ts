// What happens in the chat and to its people, as the event log tells it: kinds and places, and no word of what is said.

/** A row of the event log. */
export interface Happening {
  position: number;
  type: string;
  subject: string | null;
  time_ms: number;
}

/** The log as far as it is about the chat and its people. Receipts are left out: there are more of them than of all others. */
export const SIFTED = JSON.stringify({
  all: [{ any: [{ prefix: { type: "chat." } }, { prefix: { type: "user." } }] }, { not: { exact: { type: "chat.receipt.moved" } } }],
});

/** Rows that are shown at most. */
export const MOST = 500;

const WORDS: Record<string, string> = {
  "chat.room.created": "A room was made",
  "chat.room.changed": "A room was renamed or described",
  "chat.room.deleted": "A room was deleted",
  "chat.member.joined": "Somebody came into a room",
  "chat.member.left": "Somebody left a room",
  "chat.member.role": "A role in a room changed",
  "chat.message.sent": "A message was sent",
  "chat.message.edited": "A message was edited",
  "chat.message.previewed": "A link was looked up",
  "chat.message.deleted": "A message was deleted",
  "chat.reaction.changed": "A reaction changed",
  "chat.pin.changed": "A pin changed",
  "chat.mine.changed": "A room was muted or archived",
  "chat.settings.changed": "The settings were saved",
  "user.registered": "A person registered",
  "user.deleted": "A person was deleted",
  "user.banned": "A person was banned",
  "user.unbanned": "A ban was taken back",
};

/** What happened, for people; of a kind that is not known here, its name. */
export function wordsOf(type: string): string {
  return WORDS[type] ?? type;
}

export function isOurs(row: Happening): boolean {
  return (row.type.startsWith("chat.") || row.type.startsWith("user.")) && row.type !== "chat.receipt.moved";
}

/** Both together, each once, the newest first. */
export function merged(shown: Happening[], more: Happening[]): Happening[] {
  const all = new Map([...shown, ...more.filter(isOurs)].map((row) => [row.position, row]));
  return [...all.values()].sort((a, b) => b.position - a.position).slice(0, MOST);
}
