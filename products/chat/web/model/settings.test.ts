import { describe, expect, it } from "vitest";
import type { Settings } from "../contract";
import { answered, differences, looked, met, refused, touched, type Form } from "./settings";

const READ: Settings = {
  version: 3, max_members: 100, max_message_chars: 2000, retention_days: 0, directory: "everyone",
  maintenance: false, registrations: true, notifications: true, analytics: true,
};

describe("settings that somebody else saved meanwhile", () => {
  it("are shown, and what this person changed is kept", () => {
    const mine: Settings = { ...READ, retention_days: 30, analytics: false };
    const now: Settings = { ...READ, version: 5, maintenance: true, max_members: 8 };
    const { settings, theirs, both } = met(READ, mine, now);
    expect(settings).toEqual({ ...now, retention_days: 30, analytics: false });
    expect(settings.version).toBe(5);
    expect(theirs.sort()).toEqual(["maintenance", "max_members"]);
    expect(both).toEqual([]);
  });

  it("and that both changed are this person's in the form, and named", () => {
    const { settings, theirs, both } = met(READ, { ...READ, max_members: 10, directory: "roommates" }, { ...READ, version: 4, max_members: 20, directory: "roommates" });
    expect(settings).toMatchObject({ version: 4, max_members: 10, directory: "roommates" });
    expect([theirs, both]).toEqual([["max_members"], ["max_members"]]);
  });

  it("meet again and again until what is shown is what is there", () => {
    let [read, mine] = [READ, { ...READ, retention_days: 7 }];
    for (let version = 4; version < 9; version += 1) {
      const now: Settings = { ...READ, version, max_members: 100 - version };
      mine = met(read, mine, now).settings;
      read = now;
    }
    expect(mine).toEqual({ ...READ, version: 8, max_members: 92, retention_days: 7 });
    expect(differences(read, mine)).toEqual(["retention_days"]);
    // What was wanted is there already: nothing is left to change.
    expect(differences({ ...mine, version: 9 }, met(read, mine, { ...mine, version: 9 }).settings)).toEqual([]);
  });

  it("that are the same but for the version differ in nothing", () => {
    expect(differences(READ, { ...READ, version: 9 })).toEqual([]);
    expect(met(READ, { ...READ, analytics: false }, { ...READ, version: 9 })).toMatchObject({ theirs: [], both: [], settings: { version: 9, analytics: false } });
  });
});

const FORM: Form = looked(null, READ);
const edited = (form: Form, change: Partial<Settings>): Form => ({ ...form, shown: { ...form.shown, ...change } });

describe("the form", () => {
  it("keeps what is changed while a save runs, also what is changed back", () => {
    const sent: Settings = { ...READ, max_members: 10, analytics: false };
    const saved: Settings = { ...sent, version: 4 };
    const form = answered(edited(FORM, { max_members: 12, analytics: true, retention_days: 7 }), sent, saved);
    expect(form.read).toEqual(saved);
    expect(form.shown).toEqual({ ...saved, max_members: 12, analytics: true, retention_days: 7 });
    expect(touched(form)).toBe(true);
    expect(touched(answered(edited(FORM, { max_members: 10, analytics: false }), sent, saved))).toBe(false);
  });

  it("lets no older answer replace what is newer", () => {
    const newer = looked(FORM, { ...READ, version: 9, max_members: 8 });
    expect(looked(newer, { ...READ, version: 8, max_members: 50 })).toEqual(newer);
    expect(answered(newer, READ, { ...READ, version: 4 })).toEqual(newer);
  });

  it("collects what others changed until it is saved", () => {
    let form = edited(FORM, { retention_days: 7, max_members: 10 });
    form = looked(form, { ...READ, version: 4, maintenance: true });
    form = looked(form, { ...READ, version: 5, maintenance: true, max_members: 20 });
    expect([form.theirs, form.both]).toEqual([["maintenance", "max_members"], ["max_members"]]);
    const sent = form.shown;
    form = answered(form, sent, { ...sent, version: 6 });
    expect([form.theirs, form.both, touched(form)]).toEqual([[], [], false]);
  });

  it("tells nobody who changed nothing", () => {
    const form = looked(FORM, { ...READ, version: 4, maintenance: true });
    expect(form).toEqual({ read: form.shown, shown: { ...READ, version: 4, maintenance: true }, theirs: [], both: [] });
  });

  it("is settled when what was refused is there already", () => {
    const mine = edited(FORM, { retention_days: 7 });
    const there: Settings = { ...mine.shown, version: 4 };
    expect(refused(mine, mine.shown, there)).toEqual({ form: { read: there, shown: there, theirs: [], both: [] }, settled: true });
    // Its answer was lost, and more was changed since.
    const more = refused(edited(mine, { max_members: 5 }), mine.shown, there);
    expect([more.settled, more.form.shown, touched(more.form)]).toEqual([true, { ...there, max_members: 5 }, true]);
    const beside = refused(mine, mine.shown, { ...there, analytics: false });
    expect([beside.settled, beside.form.theirs, touched(beside.form)]).toEqual([true, ["analytics"], false]);
  });

  it("meets what the server says after a refusal, also an older version", () => {
    const mine = edited(FORM, { retention_days: 7 });
    const { form, settled } = refused(mine, mine.shown, { ...READ, version: 1, max_members: 8 });
    expect([settled, form.theirs, form.shown]).toEqual([false, ["max_members"], { ...READ, version: 1, max_members: 8, retention_days: 7 }]);
    // Whoever changed nothing wanted nothing that could be there.
    expect(refused(FORM, READ, { ...READ, version: 1, max_members: 8 }).settled).toBe(false);
  });
});
