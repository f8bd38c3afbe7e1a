// Two administrators at one form: what this person changed stays, and of all else the newer value is shown.

import type { Settings } from "../contract";

export type Name = Exclude<keyof Settings, "version">;

/** What is not the same in both, by name. */
export function differences(one: Settings, other: Settings): Name[] {
  return (Object.keys(other) as (keyof Settings)[]).filter((name): name is Name => name !== "version" && one[name] !== other[name]);
}

export interface Met {
  /** As the form shows them now: saved like that they undo nothing that was not seen. */
  settings: Settings;
  /** What somebody else changed meanwhile, unless it is as this form shows it already. */
  theirs: Name[];
  /** Of these, what this person changed as well, to something else: its own stands in the form. */
  both: Name[];
}

/** `read` is what this form began with, `mine` what it shows, `now` what the server has. */
export function met(read: Settings, mine: Settings, now: Settings): Met {
  const edited = differences(read, mine);
  const theirs = differences(read, now).filter((name) => mine[name] !== now[name]);
  const kept = Object.fromEntries(edited.map((name) => [name, mine[name]])) as Partial<Settings>;
  return { settings: { ...now, ...kept }, theirs, both: theirs.filter((name) => edited.includes(name)) };
}
