/**
 * The phrase, version 1 (docs/protocol/phrase.md), as this page reads it.
 *
 * A phrase comes from the network, so nothing in it is trusted: `readPhrase` answers a phrase whose every number is
 * finite and within the format's bounds, or null. Unknown fields fall away; unknown kinds of effects and cats too,
 * so that an older page goes on sounding what it understands.
 */

export const MOODS = ["tension", "resolution", "activity", "growth"] as const;
export type Mood = (typeof MOODS)[number];

export const CAT_SOUNDS = [
  "purr", "meow", "chirp", "trill", "mrrp", "hiss", "sigh", "purr_pad", "kneading",
] as const;
export type CatSound = (typeof CAT_SOUNDS)[number];

export type Waveform = "sawtooth" | "triangle" | "square" | "sine";
export type Synth = "fm" | "poly" | "plain";

export interface Pitch { note: string; midi: number; hz: number }
export interface MelodyNote extends Pitch { at_s: number; duration_s: number; velocity: number }
export interface Chord { at_s: number; duration_s: number; symbol: string; velocity: number; notes: Pitch[] }
export interface Cat {
  sound: CatSound;
  place: string;
  at_s: number;
  duration_s: number;
  velocity: number;
  /** A hiss has no pitch. */
  pitch: Pitch | null;
}
export interface Envelope { attack_s: number; decay_s: number; sustain: number; release_s: number }
export interface Filter { frequency_hz: number; q: number }

export type Effect =
  | { kind: "distortion"; wet: number; amount: number }
  | { kind: "delay"; wet: number; time_s: number; feedback: number }
  | { kind: "reverb"; wet: number; decay_s: number }
  | { kind: "chorus"; wet: number; rate_hz: number; depth: number }
  | { kind: "phaser"; wet: number; rate_hz: number; octaves: number; base_hz: number }
  | { kind: "filter"; wet: number; frequency_hz: number; q: number };

export interface Phrase {
  n: number;
  id: string;
  station: string;
  at_ms: number;
  event: { type: string; action: string; title: string; actor: string; url: string | null };
  mood: Mood;
  intensity: number;
  tempo: { bpm: number; name: string; commits_last_hour: number };
  key: string;
  scale: { name: string; notes: string[] };
  duration_s: number;
  voice: { language: string; synth: Synth; waveform: Waveform };
  envelope: Envelope;
  filter: Filter;
  effects: Effect[];
  gain_db: number;
  melody: MelodyNote[];
  chords: Chord[];
  cats: Cat[];
  why: { what: string; words: string }[];
}

const NOTES_MAX = 256;
const EFFECTS_MAX = 8;
const WHY_MAX = 32;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const object = (value: unknown): Json => (isObject(value) ? value : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

function within(value: unknown, low: number, high: number, otherwise: number): number {
  if (typeof value !== "number" || !Number.isFinite(value)) return otherwise;
  return Math.min(high, Math.max(low, value));
}

function text(value: unknown, otherwise = "", max = 300): string {
  return typeof value === "string" ? value.slice(0, max) : otherwise;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | null {
  return allowed.find((one) => one === value) ?? null;
}

function readPitch(from: Json): Pitch | null {
  const hz = within(from.hz, 16, 8000, 0);
  if (hz === 0) return null;
  return { note: text(from.note, "", 8), hz, midi: within(from.midi, 0, 127, 69 + 12 * Math.log2(hz / 440)) };
}

function readTime(from: Json) {
  return {
    at_s: within(from.at_s, 0, 60, 0),
    duration_s: within(from.duration_s, 0.01, 60, 0.25),
    velocity: within(from.velocity, 0, 1, 0.5),
  };
}

function readEffect(from: Json): Effect | null {
  const wet = within(from.wet, 0, 1, 0);
  switch (from.kind) {
    case "distortion":
      return { kind: "distortion", wet, amount: within(from.amount, 0, 1, 0.4) };
    case "delay":
      return { kind: "delay", wet, time_s: within(from.time_s, 0.001, 2, 0.25), feedback: within(from.feedback, 0, 0.85, 0.4) };
    case "reverb":
      return { kind: "reverb", wet, decay_s: within(from.decay_s, 0.1, 8, 2.5) };
    case "chorus":
      return { kind: "chorus", wet, rate_hz: within(from.rate_hz, 0.01, 10, 1.5), depth: within(from.depth, 0, 1, 0.7) };
    case "phaser":
      return {
        kind: "phaser", wet,
        rate_hz: within(from.rate_hz, 0.01, 10, 0.5),
        octaves: within(from.octaves, 0, 6, 3),
        base_hz: within(from.base_hz, 20, 4000, 350),
      };
    case "filter":
      return { kind: "filter", wet, frequency_hz: within(from.frequency_hz, 20, 18000, 800), q: within(from.q, 0, 12, 1) };
    default:
      return null;
  }
}

function readCat(from: Json): Cat | null {
  const sound = oneOf(from.sound, CAT_SOUNDS);
  if (sound === null) return null;
  const pitch = readPitch(from);
  if (pitch === null && sound !== "hiss") return null;
  return { sound, place: text(from.place, "free", 16), ...readTime(from), pitch };
}

const present = <T>(value: T | null): value is T => value !== null;

/** Only https addresses become links; anything else (a `javascript:` address above all) is no address. */
export function safeUrl(value: unknown): string | null {
  return typeof value === "string" && value.startsWith("https://") && value.length <= 2000 ? value : null;
}

export function readPhrase(value: unknown): Phrase | null {
  if (!isObject(value) || value.v !== 1) return null;
  const mood = oneOf(value.mood, MOODS);
  const id = text(value.id, "", 200);
  if (mood === null || id === "" || typeof value.n !== "number" || !Number.isSafeInteger(value.n) || value.n < 0) return null;

  const [event, tempo, scale, voice] = [object(value.event), object(value.tempo), object(value.scale), object(value.voice)];
  const [envelope, filter] = [object(value.envelope), object(value.filter)];

  // One budget for all notes: the format promises at most 256, a hostile sender does not.
  let budget = NOTES_MAX;
  const spend = (count: number) => count <= budget && ((budget -= count), true);
  const melody = list(value.melody).flatMap((from) => {
    const pitch = readPitch(from);
    return pitch && spend(1) ? [{ ...pitch, ...readTime(from) }] : [];
  });
  const chords = list(value.chords).flatMap((from) => {
    const notes = list(from.notes).map(readPitch).filter(present);
    return notes.length > 0 && spend(notes.length) ? [{ ...readTime(from), symbol: text(from.symbol, "", 16), notes }] : [];
  });
  const cats = list(value.cats).map(readCat).filter(present).filter(() => spend(1));

  return {
    n: value.n,
    id,
    station: text(value.station, "", 200),
    at_ms: within(value.at_ms, 0, Number.MAX_SAFE_INTEGER, 0),
    event: {
      type: text(event.type, "event", 60),
      action: text(event.action, "", 60),
      title: text(event.title, "something happened"),
      actor: text(event.actor, "", 100),
      url: safeUrl(event.url),
    },
    mood,
    intensity: within(value.intensity, 0, 1, 0.5),
    tempo: {
      bpm: within(tempo.bpm, 40, 200, 90),
      name: text(tempo.name, "", 24),
      commits_last_hour: within(tempo.commits_last_hour, 0, 1e6, 0),
    },
    key: text(value.key, "C", 4),
    scale: {
      name: text(scale.name, "", 60),
      notes: (Array.isArray(scale.notes) ? scale.notes : []).slice(0, 12).map((one) => text(one, "", 4)).filter(Boolean),
    },
    duration_s: within(value.duration_s, 0.5, 16, 4),
    voice: {
      language: text(voice.language, "", 40),
      synth: oneOf(voice.synth, ["fm", "poly", "plain"] as const) ?? "plain",
      waveform: oneOf(voice.waveform, ["sawtooth", "triangle", "square", "sine"] as const) ?? "triangle",
    },
    envelope: {
      attack_s: within(envelope.attack_s, 0, 4, 0.05),
      decay_s: within(envelope.decay_s, 0, 4, 0.2),
      sustain: within(envelope.sustain, 0, 1, 0.6),
      release_s: within(envelope.release_s, 0, 6, 0.5),
    },
    filter: { frequency_hz: within(filter.frequency_hz, 40, 18000, 1000), q: within(filter.q, 0, 12, 1) },
    effects: list(value.effects).map(readEffect).filter(present).slice(0, EFFECTS_MAX),
    gain_db: within(value.gain_db, -60, -12, -12),
    melody,
    chords,
    cats,
    why: list(value.why).slice(0, WHY_MAX).map((one) => ({ what: text(one.what, "", 24), words: text(one.words, "", 500) })),
  };
}

/** Seconds until the last note lets go, without tails: the music of the phrase, as the beat grid needs it. */
export function musicEnds(phrase: Phrase): number {
  const ends = [...phrase.melody, ...phrase.chords, ...phrase.cats].map((one) => one.at_s + one.duration_s);
  return Math.max(phrase.duration_s, ...ends);
}
