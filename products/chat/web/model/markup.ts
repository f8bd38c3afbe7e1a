// The light markup of a message: **bold**, _italic_, ~~struck~~, `code`, ```blocks```, links and mentions. It becomes a tree that is
// shown as elements and text: nothing that is written is ever read as HTML.

export type Node =
  | { kind: "text"; text: string }
  | { kind: "bold" | "italic" | "struck"; of: Node[] }
  | { kind: "code" | "block"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; person: string };

/** Somebody who may be mentioned. */
export interface Named {
  id: string;
  name: string;
}

const FENCE = /\n?```(?:[a-z0-9+-]{0,20}\n)?([\s\S]*?)```\n?/i;
const CODE = /`([^`\n]+)`/;
const URL_AT = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f]+/i;
const STYLES = [
  { kind: "bold", sign: "**" },
  { kind: "struck", sign: "~~" },
  { kind: "italic", sign: "_" },
  { kind: "italic", sign: "*" },
] as const;
/** Styles within styles, at most. */
const DEEP = 6;

export function parse(content: string, people: Named[] = []): Node[] {
  return split(content, FENCE, (match) => ({ kind: "block", text: (match[1] ?? "").replace(/\n$/, "") }), (plain) =>
    split(plain, CODE, (match) => ({ kind: "code", text: match[1] ?? "" }), (rest) =>
      split(rest, URL_AT, link, (words) => styled(words, byLength(people), 0)),
    ),
  );
}

/** What matches becomes a node, what stands between goes on. Takes time by the length of the text alone. */
function split(text: string, pattern: RegExp, node: (match: RegExpExecArray) => Node | [Node, string], rest: (text: string) => Node[]): Node[] {
  const found: Node[] = [];
  const search = new RegExp(pattern.source, `${pattern.flags}g`);
  let from = 0;
  for (let match = search.exec(text); match; match = search.exec(text)) {
    if (match.index > from) found.push(...rest(text.slice(from, match.index)));
    const made = node(match);
    from = search.lastIndex;
    if (Array.isArray(made)) {
      found.push(made[0]);
      from -= made[1].length;
      search.lastIndex = from;
    } else found.push(made);
  }
  if (from < text.length) found.push(...rest(text.slice(from)));
  return found;
}

/** A link without the sentence's own signs at its end. */
function link(match: RegExpExecArray): [Node, string] {
  let text = match[0];
  let cut = text.replace(/[.,;:!?*_~]+$/, "");
  // A bracket that was opened before the link is not of it.
  while (/[)\]}]$/.test(cut) && !balanced(cut)) cut = cut.slice(0, -1).replace(/[.,;:!?*_~]+$/, "");
  const back = text.slice(cut.length);
  text = cut;
  const href = safe(text);
  return [href === null ? { kind: "text", text } : { kind: "link", text, href }, back];
}

function balanced(text: string): boolean {
  const of = (sign: string): number => text.split(sign).length;
  return of("(") === of(")") && of("[") === of("]") && of("{") === of("}");
}

/** The address that a link may lead to, or none: http and https alone, and without a name and password in it. */
export function safe(text: string): string | null {
  try {
    const url = new URL(text);
    const web = url.protocol === "http:" || url.protocol === "https:";
    return web && url.username === "" && url.password === "" && url.hostname !== "" ? url.href : null;
  } catch {
    return null;
  }
}

function byLength(people: Named[]): Named[] {
  return [...people].filter((one) => one.name.trim() !== "").sort((a, b) => b.name.length - a.name.length);
}

const letter = (sign: string | undefined): boolean => sign !== undefined && /[\p{L}\p{N}]/u.test(sign);

function styled(text: string, people: Named[], depth: number): Node[] {
  const found: Node[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") found.push({ kind: "text", text: plain });
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    const inner = depth < DEEP ? opened(text, at) : null;
    const who = text[at] === "@" && !letter(text[at - 1]) ? mentioned(text, at, people) : null;
    if (inner) {
      flush();
      found.push({ kind: inner.kind, of: styled(inner.text, people, depth + 1) });
      at = inner.end;
    } else if (who) {
      flush();
      const end = at + 1 + who.name.length;
      found.push({ kind: "mention", text: text.slice(at, end), person: who.id });
      at = end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return found;
}

/** A style that begins here and ends on the same line, at a word's edges. */
function opened(text: string, at: number): { kind: "bold" | "italic" | "struck"; text: string; end: number } | null {
  for (const { kind, sign } of STYLES) {
    if (!text.startsWith(sign, at) || letter(text[at - 1]) || text[at - 1] === sign[0]) continue;
    const from = at + sign.length;
    if (text[from] === undefined || /\s/.test(text[from] ?? "") || text.startsWith(sign[0] ?? "", from)) continue;
    const line = text.indexOf("\n", from);
    const end = text.indexOf(sign, from + 1);
    if (end < 0 || (line >= 0 && line < end) || /\s/.test(text[end - 1] ?? "") || letter(text[end + sign.length])) continue;
    return { kind, text: text.slice(from, end), end: end + sign.length };
  }
  return null;
}

/** Whom an `@` means, as the server reads it: the longest name that fits and does not go on. */
function mentioned(text: string, at: number, people: Named[]): Named | null {
  const rest = text.slice(at + 1).toLowerCase();
  return people.find((one) => rest.startsWith(one.name.toLowerCase()) && !letter(rest[one.name.length])) ?? null;
}

/** What is read of a text where there is room for a line of it. */
export function plain(content: string): string {
  const words = (nodes: Node[]): string => nodes.map((node) => ("of" in node ? words(node.of) : node.kind === "block" ? ` ${node.text} ` : node.text)).join("");
  return words(parse(content)).replace(/\s+/g, " ").trim();
}

/** One to three emoji and nothing else: shown large. */
export function onlyEmoji(content: string): boolean {
  const text = content.trim();
  return text.length > 0 && text.length <= 24 && /^(?:(?:\p{RI}{2}|\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?)*)\s*){1,3}$/u.test(text);
}
