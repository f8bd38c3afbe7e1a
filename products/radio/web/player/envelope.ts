/**
 * ADSR as arithmetic: the points of a note's loudness, so that the same curve is scheduled on an AudioParam, drawn by
 * the visualiser and checked by a test.
 *
 * Attack and decay are straight lines; the release falls exponentially to −60 dB, as plucked and blown things do, and
 * then in a few milliseconds to true silence.
 */
import sound from "../../sound.json";
import type { Envelope } from "../phrase";

export interface Point { at_s: number; level: number; curve: "start" | "linear" | "exponential" }

/** Below this a rise or a fall is heard as a click. */
export const RISE_MIN_S = sound.tone.rise_min_s;
export const RELEASE_MIN_S = sound.tone.release_min_s;
const SILENT = sound.tone.silent;
const LAST_STEP_S = sound.tone.last_step_s;

/** The level, 0 to 1, while the note is held, `at_s` seconds after its start. */
export function heldLevel(envelope: Envelope, at_s: number): number {
  const attack = Math.max(envelope.attack_s, RISE_MIN_S);
  if (at_s <= 0) return 0;
  if (at_s < attack) return at_s / attack;
  if (envelope.decay_s <= 0 || at_s >= attack + envelope.decay_s) return envelope.sustain;
  return 1 - (1 - envelope.sustain) * ((at_s - attack) / envelope.decay_s);
}

/** The curve of one note held for `duration_s`, from silence to silence. A short note releases from where it has come to. */
export function envelopePoints(envelope: Envelope, duration_s: number): Point[] {
  const attack = Math.max(envelope.attack_s, RISE_MIN_S);
  const held = Math.max(duration_s, RISE_MIN_S);
  const points: Point[] = [{ at_s: 0, level: 0, curve: "start" }];
  if (attack < held) points.push({ at_s: attack, level: 1, curve: "linear" });
  if (envelope.decay_s > 0 && attack + envelope.decay_s < held) {
    points.push({ at_s: attack + envelope.decay_s, level: envelope.sustain, curve: "linear" });
  }
  const released = Math.max(SILENT, heldLevel(envelope, held));
  points.push({ at_s: held, level: released, curve: "linear" });

  const silent = held + Math.max(envelope.release_s, RELEASE_MIN_S);
  if (released > SILENT) points.push({ at_s: silent, level: released * SILENT, curve: "exponential" });
  points.push({ at_s: silent + LAST_STEP_S, level: 0, curve: "linear" });
  return points;
}

/** Seconds from the start of the note to its silence. */
export function noteLength(envelope: Envelope, duration_s: number): number {
  return Math.max(duration_s, RISE_MIN_S) + Math.max(envelope.release_s, RELEASE_MIN_S) + LAST_STEP_S;
}

/** Puts the points on an AudioParam, scaled to `peak`. */
export function schedule(param: AudioParam, points: Point[], startTime: number, peak: number): void {
  for (const point of points) {
    const when = startTime + point.at_s;
    if (point.curve === "start") param.setValueAtTime(point.level * peak, when);
    else if (point.curve === "linear") param.linearRampToValueAtTime(point.level * peak, when);
    else param.exponentialRampToValueAtTime(Math.max(point.level * peak, 1e-7), when);
  }
}

export const decibels = (db: number): number => 10 ** (db / 20);
