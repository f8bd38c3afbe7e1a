/**
 * The three synths of a phrase's melody and chords. Each makes one note and lets go of its nodes when the note is
 * silent. In each the exact pitch is the strongest partial: whatever a synth adds, it adds around `hz`.
 */
import sound from "../../sound.json";
import type { Envelope, Filter, Synth, Waveform } from "../phrase";
import { envelopePoints, noteLength, schedule } from "./envelope";

export interface Tone {
  hz: number;
  /** Seconds on the audio clock. */
  at: number;
  duration_s: number;
  /** Linear gain at the top of the envelope. */
  gain: number;
  /** −1 left to 1 right. */
  pan: number;
}

/** Waveforms of equal amplitude are not equally loud; this evens them out, measured after each mood's filter. */
const TRIM: Record<Waveform, number> = sound.tone.trim;
const { poly: POLY, fm: FM } = sound.tone;

/**
 * How much a low-pass filter takes from a tone, as linear gain. Q counts in decibels, as in the Web Audio filter that
 * the phrase is played through.
 */
export function lowpassGain(filter: Filter, hz: number): number {
  const ratio2 = (hz / filter.frequency_hz) ** 2;
  const q = 10 ** (filter.q / 20);
  return 1 / Math.sqrt((1 - ratio2) ** 2 + ratio2 / (q * q));
}

/** A high note under a closed filter would vanish; most of its loss is given back, at most 12 dB. */
export function makeUp(filter: Filter, hz: number): number {
  return Math.min(4, Math.max(1, lowpassGain(filter, hz) ** -0.75));
}

/** Schedules one note into `out`; answers when it is silent, in seconds on the audio clock. */
export function playTone(
  ctx: BaseAudioContext, out: AudioNode, tone: Tone, synth: Synth, waveform: Waveform, envelope: Envelope,
): number {
  const silent = tone.at + noteLength(envelope, tone.duration_s);
  const amp = ctx.createGain();
  amp.gain.value = 0;
  schedule(amp.gain, envelopePoints(envelope, tone.duration_s), tone.at, tone.gain * TRIM[waveform]);
  const place = ctx.createStereoPanner();
  place.pan.value = tone.pan;
  amp.connect(place).connect(out);

  const oscillators = SYNTHS[synth](ctx, amp, tone, waveform);
  for (const oscillator of oscillators) {
    oscillator.start(tone.at);
    oscillator.stop(silent);
  }
  oscillators[0]!.onended = () => place.disconnect();
  return silent;
}

type Build = (ctx: BaseAudioContext, amp: AudioNode, tone: Tone, waveform: Waveform) => OscillatorNode[];

const SYNTHS: Record<Synth, Build> = {
  plain: (ctx, amp, tone, waveform) => {
    const oscillator = new OscillatorNode(ctx, { type: waveform, frequency: tone.hz });
    oscillator.connect(amp);
    return [oscillator];
  },

  // The second oscillator is softer than the first: two equal ones would cancel the fundamental at every beating.
  poly: (ctx, amp, tone, waveform) => {
    const first = new OscillatorNode(ctx, { type: waveform, frequency: tone.hz });
    const second = new OscillatorNode(ctx, { type: waveform, frequency: tone.hz, detune: POLY.detune_cents });
    const [strong, soft] = [new GainNode(ctx, { gain: POLY.strong }), new GainNode(ctx, { gain: POLY.soft })];
    first.connect(strong).connect(amp);
    second.connect(soft).connect(amp);
    return [first, second];
  },

  // Two operators. The index starts bright and falls, like a struck bell; it stays near 1, where the carrier keeps
  // three quarters of its strength (the Bessel function J0). Rich carriers take less: each harmonic multiplies the index.
  fm: (ctx, amp, tone, waveform) => {
    const { ratio, index } = FM[waveform];
    const carrier = new OscillatorNode(ctx, { type: waveform, frequency: tone.hz });
    const modulator = new OscillatorNode(ctx, { type: "sine", frequency: tone.hz * ratio });
    const deviation = new GainNode(ctx, { gain: 0 });
    const full = index * tone.hz * ratio;
    deviation.gain.setValueAtTime(full, tone.at);
    deviation.gain.setTargetAtTime(full * FM.rest, tone.at, FM.fall_s);
    modulator.connect(deviation).connect(carrier.frequency);
    carrier.connect(amp);
    return [carrier, modulator];
  },
};
