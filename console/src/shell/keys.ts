// The keyboard. A page registers what its keys do while it is shown; the latest registration of a key wins, so that an
// open detail takes Escape before its list does. The reading of key presses is pure (`press`), the rest is wiring.

export interface KeyContext {
  /** The first key of a two-key command ("g"), when one is open. */
  pending: string | null;
  pendingAtMs: number;
}

const PREFIX = "g";
const PREFIX_LASTS_MS = 1200;

/** What a key press means: the name of a command ("j", "g w", "Escape", "?"), and the context for the next press. */
export function press(context: KeyContext, key: string, nowMs: number): { command: string | null; context: KeyContext } {
  const none: KeyContext = { pending: null, pendingAtMs: 0 };
  if (context.pending !== null && nowMs - context.pendingAtMs <= PREFIX_LASTS_MS) {
    return { command: key === "Escape" ? null : `${context.pending} ${key}`, context: none };
  }
  if (key === PREFIX) return { command: null, context: { pending: key, pendingAtMs: nowMs } };
  return { command: key, context: none };
}

/** A handler that answers false lets the next one have the key. */
type Handler = () => boolean | void;

const handlers: { command: string; run: Handler }[] = [];

/** Registers commands until the answered function is called. */
export function onKeys(commands: Record<string, Handler>): () => void {
  const mine = Object.entries(commands).map(([command, run]) => ({ command, run }));
  handlers.push(...mine);
  return () => {
    for (const one of mine) handlers.splice(handlers.indexOf(one), 1);
  };
}

function typesText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
}

/** Listens on the window; answers how to stop. */
export function listen(): () => void {
  let context: KeyContext = { pending: null, pendingAtMs: 0 };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (typesText(event.target)) {
      // Escape leaves the field; every other key belongs to it.
      if (event.key === "Escape") (event.target as HTMLElement).blur();
      return;
    }
    // A focused link or button keeps its own Enter.
    if (event.key === "Enter" && (event.target as HTMLElement | null)?.closest("a, button, summary")) return;
    const pressed = press(context, event.key, event.timeStamp);
    context = pressed.context;
    if (pressed.command === null) return;
    for (const handler of [...handlers].reverse()) {
      if (handler.command !== pressed.command) continue;
      if (handler.run() === false) continue;
      event.preventDefault();
      return;
    }
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
