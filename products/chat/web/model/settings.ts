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

/** The form of settings, and what this person has to be told of others. */
export interface Form {
  /** What the server had when the form last met it. */
  read: Settings;
  /** As the form shows them. */
  shown: Settings;
  /** What others changed while something was half changed here, and what of it this person changed as well: until it is saved. */
  theirs: Name[];
  both: Name[];
}

export const touched = (form: Form): boolean => differences(form.read, form.shown).length > 0;

const joined = (some: Name[], more: Name[]): Name[] => [...new Set([...some, ...more])];

function meets(form: Form, now: Settings): Form {
  const { settings, theirs, both } = met(form.read, form.shown, now);
  // Whoever changed nothing here sees what there is, and need not be told.
  if (!touched(form)) return { ...form, read: now, shown: settings };
  return { read: now, shown: settings, theirs: joined(form.theirs, theirs), both: joined(form.both, both) };
}

/** The settings were read. An answer to an older question is older, and changes nothing. */
export function looked(form: Form | null, now: Settings): Form {
  if (!form) return { read: now, shown: { ...now }, theirs: [], both: [] };
  return now.version < form.read.version ? form : meets(form, now);
}

/** What was sent is saved: `now`. What was changed here since then stays, and is still to be saved. */
export function answered(form: Form, sent: Settings, now: Settings): Form {
  if (now.version < form.read.version) return form;
  return { read: now, shown: met(sent, form.shown, now).settings, theirs: [], both: [] };
}

/**
 * Somebody was quicker than what was sent, and `now` was read after that: it is so, also where its version is older, as after a backup
 * was restored. `settled`: all that this person wanted is there already.
 */
export function refused(form: Form, sent: Settings, now: Settings): { form: Form; settled: boolean } {
  if (differences(sent, now).length === 0) return { form: answered({ ...form, read: now }, sent, now), settled: true };
  const wanted = differences(form.read, form.shown);
  return { form: meets(form, now), settled: wanted.length > 0 && wanted.every((name) => form.shown[name] === now[name]) };
}
