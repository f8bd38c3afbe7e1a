/** The keyboard: what a key means here, or null when it belongs to the focused element. */

export type Action = "listen" | "mute" | "test" | "wind" | "lapse" | "quiet" | "leave";

const KEYS: Record<string, Action> = { " ": "listen", m: "mute", t: "test", w: "wind", l: "lapse", f: "quiet", Escape: "leave" };
const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";
/** These take the space bar themselves. */
const PRESSED = "button, a, summary, input";

export function keyAction(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "target">): Action | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return null;
  const action = KEYS[event.key] ?? null;
  const target = event.target as Element | null;
  if (target?.closest?.(TYPING)) return null;
  if (event.key === " " && target?.closest?.(PRESSED)) return null;
  return action;
}
