// Whose page this is. The tabs of a browser share one session: what one of them does as a person, all of them do.

/** Under this name the browser keeps whose session it has; "" after somebody signed out. */
export const MARK = "mainspring.chat.person";

/** What is to be done with a page that shows `mine`, when the session is `found`'s. */
export function turned(mine: string, found: string | null): "same" | "other" | "nobody" {
  if (found === mine) return "same";
  return found === null ? "nobody" : "other";
}

/** What a tab does when the mark of the browser changes: somebody else is here, nobody knows, or the person left by themselves. */
export function marked(mine: string, mark: string | null): "same" | "other" | "ask" | "left" {
  if (mark === mine) return "same";
  if (mark === null) return "ask";
  return mark === "" ? "left" : "other";
}
