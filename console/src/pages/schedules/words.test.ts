import { expect, test } from "vitest";
import type { Firing, Schedule } from "../../contract.ts";
import { around, blank, draftOf, inUnits, lateness, onTheClock, outcomeWords, placeOf, specOf, timesOf, withoutZone } from "./words.ts";

const firing: Firing = { id: "1", tick_ms: 0, outcome: "enqueued", fired_at_ms: 0, late_ms: 20, job_id: "7", job_state: "completed", left_out: 0, note: null };

const schedule: Schedule = {
  ...{ id: "1", name: "digest", declared_by: null, words: "every weekday at 09:00, Europe/Berlin" },
  ...{ cron: "0 9 * * 1-5", every_ms: null, zone: "Europe/Berlin", kind: "digest.send", queue: "mail", args: { to: "all" } },
  ...{ missed: "all" as const, missed_window_ms: 7_200_000, missed_most: 3, overlap: "skip" as const, jitter_ms: 5000 },
  ...{ next_ms: 1, paused_at_ms: null, created_at_ms: 0, updated_at_ms: 0, last: null },
};

test("a time is shown on the clocks of its zone", () => {
  const run = { at_ms: 0, local: "2027-03-28T03:00:00+02:00[Europe/Berlin]", instead_of: "02:30:00" };
  expect(onTheClock(run)).toEqual({ day: "Sun, 28 Mar 2027", time: "03:00", offset: "+02:00" });
  expect(onTheClock({ ...run, local: "2027-03-01T00:01:30+00:00[UTC]" })).toEqual({ day: "Mon, 1 Mar 2027", time: "00:01:30", offset: "+00:00" });
  expect(onTheClock({ ...run, local: "2027-03-01T00:01:30.966+00:00[UTC]" }).time).toBe("00:01:30");
});

test("a firing is told by its job, or in words", () => {
  expect(lateness(firing)).toBe("on time");
  expect(lateness({ ...firing, late_ms: 90_000 })).toBe("1 min 30 s late");
  expect(lateness({ ...firing, tick_ms: null, late_ms: null })).toBe("by hand");
  expect(outcomeWords({ ...firing, outcome: "missed", left_out: 1 })).toBe("1 run was missed and left out");
  expect(outcomeWords({ ...firing, outcome: "missed", left_out: 1000 })).toBe("1,000 or more runs were missed and left out");
  expect(outcomeWords({ ...firing, outcome: "refused", note: "/zone: gone" })).toBe("/zone: gone");
});

test("an interval is written in its largest unit", () => {
  expect(inUnits(90_000)).toEqual({ amount: 90, unit: "seconds" });
  expect(inUnits(7_200_000)).toEqual({ amount: 2, unit: "hours" });
  expect(inUnits(172_800_000)).toEqual({ amount: 2, unit: "days" });
});

test("a schedule goes into the form and comes out the same", () => {
  const { cron, every_ms, zone, kind, queue, args, missed, missed_window_ms, missed_most, overlap, jitter_ms } = schedule;
  expect(specOf(draftOf(schedule))).toEqual({ cron, every_ms, zone, kind, queue, args, missed, missed_window_ms, missed_most, overlap, jitter_ms });
  const every = draftOf({ ...schedule, cron: null, every_ms: 300_000 });
  expect(timesOf(every)).toEqual({ every_ms: 300_000 });
  expect(specOf(every)).toMatchObject({ cron: null, every_ms: 300_000 });
});

test("what cannot be sent is told", () => {
  expect(specOf({ ...blank("UTC"), args: "{" })).toHaveProperty("wrong");
  expect(specOf({ ...blank("UTC"), args: " " })).toMatchObject({ args: null });
  expect(placeOf("MUN is no weekday (at character 9, the weekday)")).toBe(9);
  expect(placeOf("no place")).toBeNull();
  expect(around("0 9 * * MUN-FRI", 9)).toEqual(["0 9 * * ", "MUN", "-FRI"]);
  expect(around("0 9,, * * *", 5)).toEqual(["0 9,", ",", " * * *"]);
  expect(around("* * * *", 8)).toEqual(["* * * *", " ", ""]);
});

test("the zone is said once", () => {
  expect(withoutZone(schedule)).toBe("every weekday at 09:00");
  expect(withoutZone({ ...schedule, cron: null, words: "every 5 minutes" })).toBe("every 5 minutes");
});
