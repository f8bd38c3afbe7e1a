import { describe, expect, it } from "vitest";
import type { Settings } from "../contract";
import { differences, met } from "./settings";

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
