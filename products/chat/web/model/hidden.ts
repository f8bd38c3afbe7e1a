// What somebody has hidden from itself. The room's channel is one for all: what it tells is shown without that.

import type { Known } from "./timeline";

export type Hidden = ReadonlySet<number>;

export const NOTHING: Hidden = new Set();

/** These, and one more or one fewer. */
export function withHidden(hidden: Hidden, seq: number, on: boolean): Hidden {
  if (hidden.has(seq) === on) return hidden;
  const next = new Set(hidden);
  if (on) next.add(seq);
  else next.delete(seq);
  return next;
}

/** The messages that are shown. What answers a hidden one shows nothing of it, as if it were gone. */
export function visible(messages: Known[], hidden: Hidden): Known[] {
  if (hidden.size === 0) return messages;
  const quotes = (message: Known): boolean => message.reply != null && hidden.has(message.reply.seq);
  if (!messages.some((message) => hidden.has(message.seq) || quotes(message))) return messages;
  const gone = (seq: number) => ({ seq, sender: null, content: "", deleted: true });
  return messages
    .filter((message) => !hidden.has(message.seq))
    .map((message) => (message.reply && quotes(message) ? { ...message, reply: gone(message.reply.seq) } : message));
}
