// Who is writing, as it is heard. Nobody writes for ever: what is not said again is over after five seconds.

export const SHOWN_MS = 5_000;
/** While somebody goes on writing it is said again so often, milliseconds. */
export const SAID_EVERY_MS = 2_500;
/** After so long without a key it is over. */
export const IDLE_MS = 3_000;

export type Typists = ReadonlyMap<string, number>;

export function heard(typists: Typists, person: string, on: boolean, nowMs: number): Typists {
  const next = new Map(typists);
  if (on) next.set(person, nowMs + SHOWN_MS);
  else next.delete(person);
  return next;
}

export function present(typists: Typists, nowMs: number): Typists {
  const left = [...typists].filter(([, until]) => until > nowMs);
  return left.length === typists.size ? typists : new Map(left);
}

/** "Ada is writing", "Ada and Eve are writing", "3 people are writing". */
export function words(names: string[]): string {
  const [one, two] = names;
  if (one === undefined) return "";
  if (two === undefined) return `${one} is writing`;
  return names.length === 2 ? `${one} and ${two} are writing` : `${names.length} people are writing`;
}
