// JSON as coloured pieces of text. Pieces, not markup: what comes from outside is only ever rendered as text.

export type PieceKind = "key" | "text" | "number" | "word" | "mark";

export interface Piece {
  kind: PieceKind;
  text: string;
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b|([^"\d\-tfn]+|[-tfn])/g;

/** The value, indented, cut into pieces that joined give the text again. */
export function pieces(value: unknown): Piece[] {
  const text = JSON.stringify(value, null, 2) ?? "undefined";
  const found: Piece[] = [];
  for (const [whole, quoted, colon, number, word] of text.matchAll(TOKEN)) {
    if (quoted !== undefined && colon !== undefined) found.push({ kind: "key", text: quoted }, { kind: "mark", text: colon });
    else if (quoted !== undefined) found.push({ kind: "text", text: quoted });
    else if (number !== undefined) found.push({ kind: "number", text: number });
    else if (word !== undefined) found.push({ kind: "word", text: word });
    else found.push({ kind: "mark", text: whole });
  }
  return found;
}

/** The text as a value if it is JSON; undefined if it is not (then show the text itself). */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
