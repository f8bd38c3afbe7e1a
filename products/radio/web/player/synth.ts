/**
 * A phrase becomes sound: every note exactly as the phrase gives it, through the phrase's filter and effects. Pure
 * scheduling over BaseAudioContext, so that the page (AudioContext) and the tests (OfflineAudioContext) hear the same.
 *
 *   melody ─┐
 *           ├─ low-pass ─ effects, in their order ─┐
 *   chords ─┘                                      ├─ out ─ destination (the master)
 *   cats ──────────── a soft top ──────────────────┘
 */
import sound from "../../sound.json";
import { musicEnds, type Phrase } from "../phrase";
import { playCat } from "./cats";
import { makeEffect, type Box } from "./effects";
import { decibels } from "./envelope";
import { impulse, seedOf } from "./noise";
import { makeUp, playTone } from "./voices";

/** A phrase on its way through the audio graph. Times are seconds on the audio clock. */
export interface Sound {
  starts_at: number;
  music_ends_at: number;
  /** When the last tail is silent and all nodes are released. */
  ends_at: number;
  /** Fades out within `seconds` and releases everything. */
  fade(seconds: number): void;
}

/** Chords stand behind the melody. */
const CHORD_TRIM = sound.tone.chord_trim;
/** A chord never bites: it swells at least this long. */
const CHORD_ATTACK_MIN_S = sound.tone.chord_attack_min_s;
const CATS_DB = sound.cats.level_db;
const CATS_TOP_HZ = sound.cats.top_hz;
const LAST_FADE_S = sound.effects.last_fade_s;
/** Always two channels: a filter whose input turns from stereo to mono, because a note ended, starts anew and ticks. */
const STEREO = { channelCount: 2, channelCountMode: "explicit" } as const;

/** Prepares what takes time to compute, so that the start can be set when it is ready. */
export function prepare(ctx: BaseAudioContext, phrase: Phrase): void {
  for (const effect of phrase.effects) {
    if (effect.kind === "reverb") impulse(ctx, seedOf(phrase.id), effect.decay_s);
  }
}

/** Higher notes a little to the right, as on a keyboard; neighbours in time a little apart. */
function panOf(midi: number, index: number): number {
  const pan = (midi - 62) / 60 + (index % 2 === 0 ? -0.08 : 0.08);
  return Math.max(-0.5, Math.min(0.5, pan));
}

export function renderPhrase(ctx: BaseAudioContext, destination: AudioNode, phrase: Phrase, startTime: number): Sound {
  const out = new GainNode(ctx, STEREO);
  out.connect(destination);
  const lowpass = new BiquadFilterNode(ctx, { ...STEREO, type: "lowpass", frequency: phrase.filter.frequency_hz, Q: phrase.filter.q });
  const boxes = phrase.effects.filter((effect) => effect.wet > 0).map((effect) => makeEffect(ctx, effect, phrase.id));
  chain(lowpass, boxes, out);
  const top = new BiquadFilterNode(ctx, { ...STEREO, type: "lowpass", frequency: CATS_TOP_HZ, Q: 0 });
  const cats = new GainNode(ctx, { ...STEREO, gain: decibels(CATS_DB) });
  cats.connect(top).connect(out);

  const voicesEnd = scheduleVoices(ctx, lowpass, phrase, startTime);
  const catsEnd = phrase.cats.reduce((latest, cat, i) => Math.max(latest, playCat(ctx, cats, cat, i, phrase, startTime)), startTime);

  const tail = boxes.reduce((sum, box) => sum + box.tail_s, 0);
  const ends_at = Math.max(voicesEnd + tail, catsEnd) + LAST_FADE_S;
  for (const mover of boxes.flatMap((box) => box.movers)) {
    mover.start(startTime);
    mover.stop(ends_at);
  }
  out.gain.setValueAtTime(1, ends_at - LAST_FADE_S);
  out.gain.linearRampToValueAtTime(0, ends_at);

  const release = () => {
    for (const node of [out, lowpass, top, cats, ...boxes.flatMap((box) => box.nodes)]) node.disconnect();
  };
  const clock = endClock(ctx, out, startTime, ends_at, release);
  return {
    starts_at: startTime,
    music_ends_at: startTime + musicEnds(phrase),
    ends_at,
    fade(seconds) {
      const now = ctx.currentTime;
      out.gain.cancelScheduledValues(now);
      out.gain.setTargetAtTime(0, now, seconds / 5);
      clock.stop(now + seconds + LAST_FADE_S);
    },
  };
}

function chain(from: AudioNode, boxes: Box[], out: AudioNode): void {
  let last = from;
  for (const box of boxes) {
    last.connect(box.input);
    last = box.output;
  }
  last.connect(out);
}

/** Melody and chords; answers when the last of them is silent. */
function scheduleVoices(ctx: BaseAudioContext, out: AudioNode, phrase: Phrase, startTime: number): number {
  const { synth, waveform } = phrase.voice;
  const level = decibels(phrase.gain_db);
  let silent = startTime;
  phrase.melody.forEach((note, i) => {
    const gain = note.velocity * level * makeUp(phrase.filter, note.hz);
    const tone = { hz: note.hz, at: startTime + note.at_s, duration_s: note.duration_s, gain, pan: panOf(note.midi, i) };
    silent = Math.max(silent, playTone(ctx, out, tone, synth, waveform, phrase.envelope));
  });
  const swell = { ...phrase.envelope, attack_s: Math.max(CHORD_ATTACK_MIN_S, phrase.envelope.attack_s) };
  for (const chord of phrase.chords) {
    chord.notes.forEach((note, i) => {
      // The notes of a chord lie side by side, so that it is wide and the melody keeps the middle.
      const pan = chord.notes.length > 1 ? (i / (chord.notes.length - 1) - 0.5) * 1.1 : 0;
      const gain = chord.velocity * level * CHORD_TRIM * Math.sqrt(makeUp(phrase.filter, note.hz));
      const tone = { hz: note.hz, at: startTime + chord.at_s, duration_s: chord.duration_s, gain, pan };
      silent = Math.max(silent, playTone(ctx, out, tone, synth === "fm" ? "plain" : synth, waveform, swell));
    });
  }
  return silent;
}

/** A silent source whose end is the signal to release: exact on the audio clock, also when the page sleeps. */
function endClock(ctx: BaseAudioContext, out: AudioNode, startTime: number, ends_at: number, release: () => void): ConstantSourceNode {
  const clock = new ConstantSourceNode(ctx, { offset: 0 });
  clock.connect(out);
  clock.onended = release;
  clock.start(startTime);
  clock.stop(ends_at);
  return clock;
}
