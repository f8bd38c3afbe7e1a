/** "Why it sounds like this": the sentences of a phrase beside the values that they explain. */
import type { Effect, Phrase } from "../phrase";

export interface Reason { what: string; value: string; words: string[] }

const frequency = (hz: number) => (hz >= 1000 ? `${(hz / 1000).toFixed(1)} kHz` : `${Math.round(hz)} Hz`);
const percent = (share: number) => `${Math.round(share * 100)} %`;
const pretty = (name: string) => name.replace(/([A-G])#/g, "$1♯").replace(/([A-G])b/g, "$1♭");

export function effectWords(effect: Effect): string {
  switch (effect.kind) {
    case "delay": return `echo ${Math.round(effect.time_s * 1000)} ms`;
    case "reverb": return `reverb ${effect.decay_s.toFixed(1)} s`;
    case "filter": return `filter ${frequency(effect.frequency_hz)}`;
    default: return effect.kind;
  }
}

function voiceWords(phrase: Phrase): string {
  const synth = { fm: "FM", poly: "two oscillators", plain: "one oscillator" }[phrase.voice.synth];
  return `${synth}, ${phrase.voice.waveform}`;
}

/** A scale that begins within an octave ends in the next one: the lowest note tells. */
function octave(phrase: Phrase): string {
  return phrase.melody.length > 0 ? String(Math.floor(Math.min(...phrase.melody.map((note) => note.midi)) / 12) - 1) : "";
}

function cats(phrase: Phrase): string {
  const names = phrase.cats.map((cat) => cat.sound.replace("_", " ") + (cat.pitch ? ` ${pretty(cat.pitch.note)}` : ""));
  return [...new Set(names)].join(", ");
}

/** The value of one subject, as short as it can be said. */
export function valueOf(phrase: Phrase, what: string): string {
  switch (what) {
    case "mood": return phrase.mood;
    case "intensity": return percent(phrase.intensity);
    case "key": return pretty(phrase.key);
    case "scale": return pretty(phrase.scale.notes.join(" "));
    case "tempo": return `${Math.round(phrase.tempo.bpm)} BPM ${phrase.tempo.name}`.trim();
    case "voice": return voiceWords(phrase);
    case "length": return `${phrase.duration_s.toFixed(1)} s`;
    case "octave": return octave(phrase);
    case "melody": return `${phrase.melody.length} notes`;
    case "chords": return phrase.chords.length > 0 ? pretty(phrase.chords.map((chord) => chord.symbol).join(" · ")) : "none";
    case "filter": return `${frequency(phrase.filter.frequency_hz)} low-pass`;
    case "effects": return phrase.effects.map(effectWords).join(", ") || "none";
    case "cats": return cats(phrase) || "none";
    default: return "";
  }
}

/** In the phrase's reading order; several sentences on one subject stand together. */
export function reasons(phrase: Phrase): Reason[] {
  const found = new Map<string, Reason>();
  for (const { what, words } of phrase.why) {
    const known = found.get(what);
    if (known) known.words.push(words);
    else found.set(what, { what, value: valueOf(phrase, what), words: [words] });
  }
  return [...found.values()];
}
