/**
 * Where a pitch lies: its angle is its place on the circle of fifths, so that notes which sound well together lie
 * together and the scale of a phrase is one arc; its distance from the centre is its height.
 */
import { seedOf, randomFrom } from "../player/noise";

/** Clockwise from the top, in fifths. */
export const FIFTHS = ["C", "G", "D", "A", "E", "B", "F#", "C#", "Ab", "Eb", "Bb", "F"] as const;

const ENHARMONIC: Record<string, string> = {
  Db: "C#", "D#": "Eb", Gb: "F#", "G#": "Ab", "A#": "Bb", "E#": "F", Fb: "E", "B#": "C", Cb: "B",
};

const LOW_MIDI = 36;
const HIGH_MIDI = 88;
const INNERMOST = 0.22;

/** The place of a name on the circle, 0 to 11; −1 for what is no pitch name. */
export function fifthOf(name: string): number {
  return (FIFTHS as readonly string[]).indexOf(ENHARMONIC[name] ?? name);
}

/** Radians, 0 to the right as on a canvas; C is at the top. */
export function angleOf(midi: number): number {
  const fifths = (((Math.round(midi) * 7) % 12) + 12) % 12;
  return (fifths / 12) * 2 * Math.PI - Math.PI / 2;
}

/** 0 at the centre to 1 at the rim; low notes lie inside. */
export function radiusOf(midi: number): number {
  const height = Math.min(1, Math.max(0, (midi - LOW_MIDI) / (HIGH_MIDI - LOW_MIDI)));
  return INNERMOST + (1 - INNERMOST) * height;
}

/** Brightness of a note `age` seconds after its start: it opens softly, stays while it sounds, and glows on. */
export function glow(age: number, opens_s: number, held_s: number, afterglow_s: number): number {
  if (age <= 0) return 0;
  const open = Math.min(1, age / opens_s);
  const opened = open * open * (3 - 2 * open);
  if (age <= held_s) return opened;
  return opened * Math.exp(-3 * ((age - held_s) / afterglow_s));
}

/** A small shift that is the same for the same note of the same phrase, −1 to 1: repeats of a note do not hide one another. */
export function jitter(id: string, index: number): number {
  return randomFrom(seedOf(`${id}/${index}`))() * 2 - 1;
}
