/** What is to be seen and when: a phrase laid out in time as blooms, veils and ripples. No canvas here. */
import type { CatSound, Mood, Phrase } from "../phrase";
import { angleOf, jitter, radiusOf } from "./circle";

interface Timed {
  /** Milliseconds on the performance clock. */
  at: number;
  /** Seconds for which it is held, and for which it glows on. */
  held_s: number;
  afterglow_s: number;
  mood: Mood;
  strength: number;
}

export interface Place { angle: number; radius: number }
export interface Bloom extends Timed, Place { opens_s: number }
export interface Veil extends Timed { places: Place[] }
export interface Ripple extends Timed, Place { sound: CatSound; beat_s: number }
/** The line through a phrase's melody: what stays of it as a constellation. */
export interface Thread { at: number; ends: number; mood: Mood; points: (Place & { at: number; strength: number })[] }

const BLOOMS_MAX = 400;
const VEILS_MAX = 60;
const RIPPLES_MAX = 120;
/** How many constellations the sky remembers. */
export const THREADS_MAX = 7;
const AFTERGLOW_S = 4.2;
const VEIL_AFTERGLOW_S = 3;
const RIPPLE_AFTERGLOW_S = 1.8;

export class Scene {
  blooms: Bloom[] = [];
  veils: Veil[] = [];
  ripples: Ripple[] = [];
  /** Oldest first. */
  threads: Thread[] = [];
  mood: Mood = "growth";
  previousMood: Mood = "growth";
  moodSince = -1e9;
  key = "C";
  scale: string[] = [];
  /** Until when something moves, on the performance clock: after that the sky only breathes. */
  busyUntil = 0;

  /** Lays the phrase out from `startsAt`. Places are on the circle at rest; the painter turns them all together. */
  show(phrase: Phrase, startsAt: number): void {
    this.#moodTo(phrase, startsAt);
    const beat_s = 60 / phrase.tempo.bpm;
    const at = (s: number) => startsAt + s * 1000;

    for (const [i, note] of phrase.melody.entries()) {
      this.blooms.push({
        at: at(note.at_s), mood: phrase.mood, strength: note.velocity,
        held_s: note.duration_s, afterglow_s: afterglow(phrase, i),
        opens_s: Math.max(0.09, phrase.envelope.attack_s),
        ...placeOf(note.midi, phrase.id, i),
      });
    }
    for (const chord of phrase.chords) {
      this.veils.push({
        at: at(chord.at_s), mood: phrase.mood, strength: chord.velocity, held_s: chord.duration_s, afterglow_s: VEIL_AFTERGLOW_S,
        places: chord.notes.map((note) => ({ angle: angleOf(note.midi), radius: radiusOf(note.midi) })),
      });
    }
    for (const [i, cat] of phrase.cats.entries()) {
      const place = cat.pitch ? placeOf(cat.pitch.midi, phrase.id, 1000 + i) : { angle: jitter(phrase.id, i) * Math.PI, radius: 0.5 };
      this.ripples.push({
        at: at(cat.at_s), mood: phrase.mood, strength: cat.velocity, sound: cat.sound, beat_s,
        held_s: cat.duration_s, afterglow_s: RIPPLE_AFTERGLOW_S, ...place,
      });
    }
    this.#remember(phrase, startsAt);
    this.blooms = this.blooms.slice(-BLOOMS_MAX);
    this.veils = this.veils.slice(-VEILS_MAX);
    this.ripples = this.ripples.slice(-RIPPLES_MAX);
    this.busyUntil = Math.max(this.busyUntil, at(phrase.duration_s + AFTERGLOW_S + 2));
  }

  /** A phrase of the past: only its constellation, as if it had sounded long ago. */
  recall(phrase: Phrase): void {
    this.#moodTo(phrase, -1e9);
    this.#remember(phrase, -1e9);
  }

  drop(now: number): void {
    const alive = (one: Timed) => now < one.at + (one.held_s + one.afterglow_s * 1.4) * 1000;
    this.blooms = this.blooms.filter(alive);
    this.veils = this.veils.filter(alive);
    this.ripples = this.ripples.filter(alive);
  }

  #moodTo(phrase: Phrase, at: number): void {
    this.key = phrase.key;
    this.scale = phrase.scale.notes;
    if (phrase.mood === this.mood) return;
    this.previousMood = this.mood;
    this.mood = phrase.mood;
    this.moodSince = at;
  }

  #remember(phrase: Phrase, startsAt: number): void {
    if (phrase.melody.length === 0) return;
    const points = phrase.melody.map((note, i) => ({
      at: startsAt + note.at_s * 1000, strength: note.velocity, ...placeOf(note.midi, phrase.id, i),
    }));
    this.threads.push({ at: startsAt, ends: points.at(-1)!.at, mood: phrase.mood, points });
    this.threads = this.threads.slice(-THREADS_MAX);
  }
}

/** A repeat takes the light over from the note before it: else a place that is struck often would burn white. */
function afterglow(phrase: Phrase, index: number): number {
  const note = phrase.melody[index]!;
  const again = phrase.melody.find((other, i) => i > index && other.midi === note.midi);
  if (!again) return AFTERGLOW_S;
  return Math.min(AFTERGLOW_S, Math.max(0.6, again.at_s - note.at_s - note.duration_s + 0.6));
}

/** Beside its pitch's exact place, by a hair that belongs to this very note. */
function placeOf(midi: number, id: string, index: number): Place {
  return { angle: angleOf(midi) + jitter(id, index) * 0.075, radius: radiusOf(midi) * (1 + jitter(id, index + 500) * 0.035) };
}
