/**
 * The language of the station as a table. Its cells are read from the station's own test phrases and not written
 * down here: two tables that disagree cannot exist when there is only one.
 */
import { MOODS, type Mood, type Phrase } from "../phrase";
import { effectWords } from "./reasons";

export const ROWS = ["scale", "wave", "low-pass", "effects", "attack, release", "notes", "chords", "tempo now"] as const;
export type Row = (typeof ROWS)[number];

export interface Column { mood: Mood; cells: Record<Row, string> }

const seconds = (s: number) => `${s < 0.095 ? s.toFixed(2) : s.toFixed(1)} s`;

/** "D major pentatonic" in D is the scale "major pentatonic". */
function scaleKind(phrase: Phrase): string {
  const prefix = `${phrase.key} `;
  return phrase.scale.name.startsWith(prefix) ? phrase.scale.name.slice(prefix.length) : phrase.scale.name;
}

export function column(phrase: Phrase): Column {
  const perSecond = phrase.melody.length / Math.max(0.1, phrase.duration_s);
  return {
    mood: phrase.mood,
    cells: {
      scale: scaleKind(phrase),
      wave: phrase.voice.waveform,
      "low-pass": `${Math.round(phrase.filter.frequency_hz)} Hz`,
      effects: phrase.effects.map((effect) => effectWords(effect).split(" ")[0]).join(", ") || "none",
      "attack, release": `${seconds(phrase.envelope.attack_s)}, ${seconds(phrase.envelope.release_s)}`,
      notes: `${perSecond.toFixed(1)} a second`,
      chords: phrase.chords.length > 0 ? "yes" : "no",
      "tempo now": `${Math.round(phrase.tempo.bpm)} BPM`,
    },
  };
}

/** One test event a mood, to make its column from. */
export function samples(tests: { event: string; mood: Mood }[]): { event: string; mood: Mood }[] {
  return MOODS.flatMap((mood) => tests.find((test) => test.mood === mood) ?? []);
}

/** What decides the rest, in the order in which it is heard. The exact figures stand in each phrase's reasons. */
export const DECIDES: readonly (readonly [string, string])[] = [
  ["the kind of event", "the mood, and which cat answers"],
  ["how large it is", "intensity: loudness, how far the filter opens, how wet the effects are"],
  ["who did it", "the key: every name has its own"],
  ["commits of the last hour", "the tempo"],
  ["lines changed", "how long it plays, and in which octave"],
  ["the main language", "the synth: FM, two oscillators or one"],
  ["the delivery’s id", "the melody’s walk: the same delivery always plays the same"],
];
