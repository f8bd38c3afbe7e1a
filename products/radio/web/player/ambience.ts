/**
 * The optional bed of a quiet station: slow wind and a hollow fifth on the tonic of the last phrase, far below the
 * music. It answers no event; it only says that the station is on the air.
 */
import { seedOf, whiteNoise } from "./noise";

const WIND_LOOP_S = 11;
const WIND_GAIN = 0.035;
const FIFTH_GAIN = 0.012;
const FADE_S = 1.2;
const GLIDE_S = 2.5;
const TONIC_DEFAULT_HZ = 130.81;

export class Ambience {
  #out: GainNode;
  #tones: OscillatorNode[];

  constructor(ctx: BaseAudioContext, destination: AudioNode) {
    this.#out = new GainNode(ctx, { gain: 0 });
    this.#out.connect(destination);

    const wind = new AudioBufferSourceNode(ctx, { buffer: whiteNoise(ctx, seedOf("wind"), WIND_LOOP_S), loop: true });
    const soft = new BiquadFilterNode(ctx, { type: "lowpass", frequency: 320, Q: 0 });
    const softer = new BiquadFilterNode(ctx, { type: "lowpass", frequency: 600, Q: 0 });
    const gusts = new OscillatorNode(ctx, { type: "sine", frequency: 0.07 });
    gusts.connect(new GainNode(ctx, { gain: 150 })).connect(soft.frequency);
    wind.connect(soft).connect(softer).connect(new GainNode(ctx, { gain: WIND_GAIN })).connect(this.#out);

    const swell = new GainNode(ctx, { gain: FIFTH_GAIN });
    const breath = new OscillatorNode(ctx, { type: "sine", frequency: 1 / 11 });
    breath.connect(new GainNode(ctx, { gain: FIFTH_GAIN * 0.6 })).connect(swell.gain);
    this.#tones = [1, 1.5].map((ratio) => new OscillatorNode(ctx, { type: "sine", frequency: TONIC_DEFAULT_HZ * ratio }));
    for (const tone of this.#tones) tone.connect(swell);
    swell.connect(this.#out);
    for (const source of [wind, gusts, breath, ...this.#tones]) source.start();
  }

  set(on: boolean, now: number): void {
    this.#out.gain.setTargetAtTime(on ? 1 : 0, now, FADE_S / 3);
  }

  /** Moves the fifth to a new tonic, slowly. */
  follow(tonicHz: number, now: number): void {
    this.#tones.forEach((tone, i) => tone.frequency.setTargetAtTime(tonicHz * (i === 0 ? 1 : 1.5), now, GLIDE_S / 3));
  }
}

const SEMITONES: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

/** The key's tonic in the octave below middle C. */
export function tonicHz(key: string): number {
  const accidental = key[1] === "#" ? 1 : key[1] === "b" ? -1 : 0;
  const midi = 48 + (SEMITONES[key[0] ?? "C"] ?? 0) + accidental;
  return 440 * 2 ** ((midi - 69) / 12);
}
