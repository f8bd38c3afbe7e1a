// What a key does on the page, wherever the focus is.

export type Deed = "jump" | "new" | "settings" | "sidebar" | "leave" | "previous" | "next" | "search" | "mentions";

export function deedOf(event: KeyboardEvent): Deed | null {
  if (event.isComposing) return null;
  const command = event.ctrlKey || event.metaKey;
  if (command && !event.altKey && !event.shiftKey) {
    const deeds: Record<string, Deed> = { k: "jump", n: "new", ",": "settings", b: "sidebar", f: "search" };
    return deeds[event.key.toLowerCase()] ?? null;
  }
  // Where the browser keeps Ctrl+N for itself.
  if (event.altKey && !command) {
    const deeds: Record<string, Deed> = { n: "new", m: "mentions", ArrowUp: "previous", ArrowDown: "next" };
    return deeds[event.key] ?? null;
  }
  return event.key === "Escape" && !event.defaultPrevented ? "leave" : null;
}
