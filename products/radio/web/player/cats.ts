/**
 * The cats: small synthesised voices that are always in tune. Where one bends its pitch, it bends *into* `hz` and
 * stays there. None of them is sudden or loud; the hiss is a breath.
 */
import sound from "../../sound.json";
import type { Cat, CatSound, Phrase } from "../phrase";
import { randomFrom, seedOf, whiteNoise } from "./noise";

interface Voice {
  ctx: BaseAudioContext;
  out: AudioNode;
  /** 0 for a hiss, which has no pitch. */
  hz: number;
  at: number;
  /** At least a tenth of a second: a cat needs a moment. */
  length: number;
  gain: number;
  beat_s: number;
  random: () => number;
}

const LENGTH_MIN_S = sound.cats.length_min_s;

/** Schedules one cat; answers when it is silent, in seconds on the audio clock. */
export function playCat(ctx: BaseAudioContext, out: AudioNode, cat: Cat, index: number, phrase: Phrase, startTime: number): number {
  const random = randomFrom(seedOf(`${phrase.id} cat ${index}`));
  const place = new StereoPannerNode(ctx, { pan: (random() - 0.5) * sound.cats.spread });
  place.connect(out);
  const voice: Voice = {
    ctx, out: place, random,
    hz: cat.pitch?.hz ?? 0,
    at: startTime + cat.at_s,
    length: Math.max(LENGTH_MIN_S, cat.duration_s),
    gain: cat.velocity,
    beat_s: 60 / phrase.tempo.bpm,
  };
  const { silent, last } = CATS[cat.sound](voice);
  last.onended = () => place.disconnect();
  return silent;
}

type Sung = { silent: number; last: AudioScheduledSourceNode };

interface Breath { attack_s: number; release_s: number; level: number }
const BREATH: Record<CatSound, Breath> = sound.cats.breath;

/** A gain that rises, holds for the cat's length and falls away. */
function breath(v: Voice, of: Breath): { amp: GainNode; silent: number } {
  const { level, release_s: release } = of;
  const rise = Math.min(of.attack_s, v.length * 0.6);
  const top = v.gain * level;
  const amp = new GainNode(v.ctx, { gain: 0 });
  amp.gain.setValueAtTime(0, v.at);
  amp.gain.linearRampToValueAtTime(top, v.at + rise);
  amp.gain.setValueAtTime(top, v.at + v.length);
  amp.gain.exponentialRampToValueAtTime(Math.max(top * 0.001, 1e-7), v.at + v.length + release);
  amp.gain.linearRampToValueAtTime(0, v.at + v.length + release + 0.01);
  amp.connect(v.out);
  return { amp, silent: v.at + v.length + release + 0.012 };
}

function run(v: Voice, silent: number, ...sources: AudioScheduledSourceNode[]): Sung {
  for (const source of sources) {
    source.start(v.at);
    source.stop(silent);
  }
  return { silent, last: sources[0]! };
}

const oscillator = (v: Voice, type: OscillatorType, hz = v.hz) => new OscillatorNode(v.ctx, { type, frequency: hz });
const lowpass = (v: Voice, frequency: number) => new BiquadFilterNode(v.ctx, { type: "lowpass", frequency, Q: 0 });

/** Sways `param` by ±`reach` at `rate` a second. */
function sway(v: Voice, rate: number, reach: number, param: AudioParam): OscillatorNode {
  const slow = new OscillatorNode(v.ctx, { type: "sine", frequency: rate });
  slow.connect(new GainNode(v.ctx, { gain: reach })).connect(param);
  return slow;
}

/** From `from`·hz into tune within the share `arrives` of the length. */
function bend(v: Voice, tone: OscillatorNode, from: number, arrives: number): void {
  tone.frequency.setValueAtTime(v.hz * from, v.at);
  tone.frequency.exponentialRampToValueAtTime(v.hz, v.at + v.length * arrives);
}

const CATS: Record<CatSound, (v: Voice) => Sung> = {
  // A warm saw under a blanket, breathing four times a second, with the flutter of a throat inside.
  purr: (v) => {
    const { amp, silent } = breath(v, BREATH.purr);
    const tone = oscillator(v, "sawtooth");
    const flutter = new GainNode(v.ctx, { gain: 0.78 });
    const tremolo = new GainNode(v.ctx, { gain: 0.75 });
    tone.connect(lowpass(v, Math.min(900, Math.max(260, v.hz * 4)))).connect(flutter).connect(tremolo).connect(amp);
    return run(v, silent, tone, sway(v, 4, 12, tone.detune), sway(v, 4, 0.25, tremolo.gain), sway(v, 23, 0.22, flutter.gain));
  },

  // Triangle, with a formant that opens and closes as a mouth does: m-e-ow.
  meow: (v) => {
    const { amp, silent } = breath(v, BREATH.meow);
    const [body, bright] = [oscillator(v, "triangle"), oscillator(v, "sawtooth")];
    const mouth = new BiquadFilterNode(v.ctx, { type: "bandpass", frequency: v.hz * 1.8, Q: 2.2 });
    for (const tone of [body, bright]) {
      bend(v, tone, 0.84, 0.35);
      // The closing droop comes with the release, after the note has been heard in tune.
      tone.frequency.setValueAtTime(v.hz, v.at + v.length);
      tone.frequency.exponentialRampToValueAtTime(v.hz * 0.94, silent);
    }
    mouth.frequency.setValueAtTime(v.hz * 1.8, v.at);
    mouth.frequency.linearRampToValueAtTime(v.hz * 4, v.at + v.length * 0.4);
    mouth.frequency.linearRampToValueAtTime(v.hz * 2, v.at + v.length);
    body.connect(new GainNode(v.ctx, { gain: 0.85 })).connect(amp);
    bright.connect(mouth).connect(new GainNode(v.ctx, { gain: 0.3 })).connect(amp);
    return run(v, silent, body, bright);
  },

  // The octave above sings, the pitch itself carries it.
  chirp: (v) => {
    const { amp, silent } = breath({ ...v, length: Math.min(v.length, 0.22) }, BREATH.chirp);
    const [pitch, octave] = [oscillator(v, "sine"), oscillator(v, "sine", v.hz * 2)];
    octave.frequency.setValueAtTime(v.hz * 1.8, v.at);
    octave.frequency.exponentialRampToValueAtTime(v.hz * 2, v.at + 0.06);
    pitch.connect(new GainNode(v.ctx, { gain: 0.6 })).connect(amp);
    octave.connect(new GainNode(v.ctx, { gain: 0.4 })).connect(amp);
    return run(v, silent, pitch, octave);
  },

  trill: (v) => {
    const { amp, silent } = breath(v, BREATH.trill);
    const tone = oscillator(v, "sine");
    const roll = new GainNode(v.ctx, { gain: 0.85 });
    tone.connect(roll).connect(amp);
    return run(v, silent, tone, sway(v, 8, 22, tone.detune), sway(v, 8, 0.15, roll.gain));
  },

  // Soft and round, rolling its r while it climbs into tune.
  mrrp: (v) => {
    const { amp, silent } = breath(v, BREATH.mrrp);
    const tone = oscillator(v, "square");
    bend(v, tone, 0.8, 0.4);
    const roll = new GainNode(v.ctx, { gain: 0.8 });
    const r = new OscillatorNode(v.ctx, { type: "sine", frequency: 19 });
    const rolled = new GainNode(v.ctx, { gain: 0.2 });
    rolled.gain.setValueAtTime(0.2, v.at);
    rolled.gain.linearRampToValueAtTime(0, v.at + v.length * 0.6);
    r.connect(rolled).connect(roll.gain);
    tone.connect(lowpass(v, Math.max(420, v.hz * 2.2))).connect(roll).connect(amp);
    return run(v, silent, tone, r);
  },

  // A breath of noise with all edges taken off.
  hiss: (v) => {
    const { amp, silent } = breath(v, BREATH.hiss);
    const source = new AudioBufferSourceNode(v.ctx, { buffer: whiteNoise(v.ctx, Math.floor(v.random() * 2 ** 32), silent - v.at) });
    const air = new BiquadFilterNode(v.ctx, { type: "bandpass", frequency: 3600, Q: 0.7 });
    air.frequency.setValueAtTime(3900, v.at);
    air.frequency.linearRampToValueAtTime(2600, silent);
    source.connect(air).connect(amp);
    return run(v, silent, source);
  },

  // Falls from a third above and settles, while the filter closes over it.
  sigh: (v) => {
    const { amp, silent } = breath(v, BREATH.sigh);
    const tone = oscillator(v, "triangle");
    bend(v, tone, 1.19, 0.45);
    const closing = lowpass(v, v.hz * 5);
    closing.frequency.setValueAtTime(v.hz * 5, v.at);
    closing.frequency.exponentialRampToValueAtTime(v.hz * 1.6, silent);
    tone.connect(closing).connect(amp);
    return run(v, silent, tone);
  },

  // The bed under a resolution: nearly nothing, swelling once over its length.
  purr_pad: (v) => {
    const { amp, silent } = breath(v, { ...BREATH.purr_pad, attack_s: Math.min(BREATH.purr_pad.attack_s, v.length * 0.45) });
    const [tone, fifthless] = [oscillator(v, "sawtooth"), oscillator(v, "triangle")];
    fifthless.detune.value = 6;
    const blanket = lowpass(v, Math.min(520, Math.max(180, v.hz * 2.5)));
    const tremolo = new GainNode(v.ctx, { gain: 0.85 });
    tone.connect(new GainNode(v.ctx, { gain: 0.55 })).connect(blanket);
    fifthless.connect(new GainNode(v.ctx, { gain: 0.45 })).connect(blanket);
    blanket.connect(tremolo).connect(amp);
    return run(v, silent, tone, fifthless, sway(v, 4, 0.15, tremolo.gain));
  },

  // Two paws, left and right, pressing in time with the phrase.
  kneading: (v) => {
    const silent = v.at + v.length + BREATH.kneading.release_s;
    const tone = oscillator(v, "triangle");
    const round = lowpass(v, Math.max(220, v.hz * 2));
    const paws = new GainNode(v.ctx, { gain: 0 });
    const side = new StereoPannerNode(v.ctx, { pan: -0.25 });
    tone.connect(round).connect(paws).connect(side).connect(v.out);
    const press = Math.min(v.beat_s, 1);
    for (let step = 0; step * v.beat_s < v.length - 0.05; step++) {
      const at = v.at + step * v.beat_s;
      // The paw goes to its side while it is lifted, so that the move is not heard.
      side.pan.setValueAtTime(step % 2 === 0 ? -0.25 : 0.25, at);
      paws.gain.setValueAtTime(0, at);
      paws.gain.linearRampToValueAtTime(v.gain * BREATH.kneading.level, at + press * 0.18);
      paws.gain.exponentialRampToValueAtTime(v.gain * 0.004 + 1e-6, at + press * 0.9);
      paws.gain.linearRampToValueAtTime(0, at + press * 0.97);
    }
    return run(v, silent, tone);
  },
};
