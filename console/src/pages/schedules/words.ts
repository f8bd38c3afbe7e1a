// Schedules in words, and what a form holds. Everything here is pure.

import type { Firing, Missed, NextRun, Overlap, Schedule, ScheduleSpec } from "../../contract.ts";
import { count, duration } from "../../shared/format.ts";

export const MISSED_WORDS: Record<Missed, string> = {
  skip: "are left out",
  one: "are made up for by one run",
  all: "are all made up for",
};

export const OVERLAP_WORDS: Record<Overlap, string> = {
  allow: "the next run starts beside it",
  skip: "the next run is left out",
  queue: "the next run waits in line",
};

/** "Every weekday at 09:00, Europe/Berlin": words that begin a line. */
export function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The words without the zone, where the zone has a place of its own. */
export function withoutZone(schedule: Pick<Schedule, "words" | "zone" | "cron">): string {
  const ending = `, ${schedule.zone}`;
  return schedule.cron !== null && schedule.words.endsWith(ending) ? schedule.words.slice(0, -ending.length) : schedule.words;
}

/** How long after its time something ran, where that is worth a word. */
export function lateness(firing: Firing): string {
  if (firing.late_ms === null) return "by hand";
  return firing.late_ms < 1000 ? "on time" : `${duration(firing.late_ms)} late`;
}

/** What became of a firing, where no job tells it. */
export function outcomeWords(firing: Firing): string {
  switch (firing.outcome) {
    case "missed":
      return firing.left_out === 1 ? "1 run was missed and left out" : `${count(firing.left_out)}${firing.left_out >= 1000 ? " or more" : ""} runs were missed and left out`;
    case "overlapped":
      return "Left out: the run before was unfinished";
    case "refused":
      return firing.note ?? "Its job could not be made";
    case "enqueued":
      return firing.tick_ms === null ? "Run by hand" : "Ran";
  }
}

/** A time on the clocks of its zone: `2027-03-28T03:00:00+02:00[Europe/Berlin]` is Sun 28 March 2027, 03:00 at +02:00. */
export function onTheClock(run: NextRun): { day: string; time: string; offset: string } {
  const [, date = "", clock = "", offset = ""] = /^([-+\d]+)T([\d:.]+)([-+]\d\d:\d\d|Z)/.exec(run.local) ?? [];
  const day = new Date(`${date}T00:00:00Z`).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  // An interval counts from the millisecond in which it was made; nobody reads that.
  return { day, time: clock.endsWith(":00") ? clock.slice(0, 5) : clock.slice(0, 8), offset: offset === "Z" ? "+00:00" : offset };
}

/** Where a message says that a mistake is: the character, from 1. */
export function placeOf(detail: string): number | null {
  const found = /at character (\d+)/.exec(detail);
  return found ? Number(found[1]) : null;
}

/** An expression around the word that is wrong: what is before it, the word, and what is after. */
export function around(expression: string, place: number): [string, string, string] {
  const rest = expression.slice(place - 1);
  const word = /^[^\s,/#-]+/.exec(rest)?.[0] ?? (rest.slice(0, 1) || " ");
  return [expression.slice(0, place - 1), word, rest.slice(word.length)];
}

export const UNITS = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
export type Unit = keyof typeof UNITS;

/** The largest unit that an interval is a whole number of. */
export function inUnits(ms: number): { amount: number; unit: Unit } {
  const units: Unit[] = ["days", "hours", "minutes"];
  const unit = units.find((one) => ms >= UNITS[one] && ms % UNITS[one] === 0) ?? "seconds";
  return { amount: ms / UNITS[unit], unit };
}

/** What the form holds: texts as they are typed. */
export interface Draft {
  name: string;
  way: "cron" | "every";
  cron: string;
  zone: string;
  amount: number | null;
  unit: Unit;
  kind: string;
  queue: string;
  args: string;
  missed: Missed;
  windowH: number | null;
  most: number | null;
  overlap: Overlap;
  jitterS: number | null;
}

export function blank(zone: string): Draft {
  return { name: "", way: "cron", cron: "0 9 * * MON-FRI", zone, amount: 15, unit: "minutes", kind: "", queue: "", args: "{}", missed: "one", windowH: 24, most: 200, overlap: "allow", jitterS: 0 };
}

export function draftOf(schedule: Schedule): Draft {
  const every = inUnits(schedule.every_ms ?? UNITS.minutes * 15);
  return {
    ...blank(schedule.zone),
    name: schedule.name,
    way: schedule.cron === null ? "every" : "cron",
    cron: schedule.cron ?? "0 9 * * MON-FRI",
    ...every,
    kind: schedule.kind,
    queue: schedule.queue ?? "",
    args: JSON.stringify(schedule.args, null, 2),
    missed: schedule.missed,
    windowH: schedule.missed_window_ms / UNITS.hours,
    most: schedule.missed_most,
    overlap: schedule.overlap,
    jitterS: schedule.jitter_ms / UNITS.seconds,
  };
}

/** What is asked for a preview. */
export function timesOf(draft: Draft): Record<string, unknown> {
  return draft.way === "cron" ? { cron: draft.cron, zone: draft.zone.trim() } : { every_ms: everyMs(draft) };
}

function everyMs(draft: Draft): number {
  return Math.round((draft.amount ?? 0) * UNITS[draft.unit]);
}

/** The body of a request; or what is wrong with the arguments, which only this page reads as text. */
export function specOf(draft: Draft): ScheduleSpec | { wrong: string } {
  let args: unknown;
  try {
    args = draft.args.trim() === "" ? null : JSON.parse(draft.args);
  } catch (error) {
    return { wrong: `No JSON: ${error instanceof Error ? error.message : "it cannot be read"}` };
  }
  const cron = draft.way === "cron";
  return {
    cron: cron ? draft.cron : null,
    every_ms: cron ? null : everyMs(draft),
    zone: draft.zone.trim() || "UTC",
    kind: draft.kind.trim(),
    queue: draft.queue.trim() || null,
    args,
    missed: draft.missed,
    missed_window_ms: Math.round((draft.windowH ?? 0) * UNITS.hours),
    missed_most: draft.most ?? 0,
    overlap: draft.overlap,
    jitter_ms: Math.round((draft.jitterS ?? 0) * UNITS.seconds),
  };
}
