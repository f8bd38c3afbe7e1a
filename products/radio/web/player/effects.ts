/** The effects of a phrase. Each is a box with one way in and one way out; the chain puts them in the phrase's order. */
import sound from "../../sound.json";
import type { Effect } from "../phrase";
import { impulse, seedOf } from "./noise";

export interface Box {
  input: AudioNode;
  output: AudioNode;
  /** Low-frequency oscillators to start with the phrase and to stop after its tail. */
  movers: AudioScheduledSourceNode[];
  /** How long the box rings on after its input is silent, in seconds. */
  tail_s: number;
  /** Everything to disconnect at the end. A delay line that feeds itself would otherwise live for ever. */
  nodes: AudioNode[];
}

const TAIL_MAX_S = sound.effects.tail_max_s;
/** The level that the curve keeps unchanged: about what the melody voice sends in. */
const NOMINAL = sound.effects.saturation.nominal;
const CURVE_POINTS = 2049;
const OCTAVE_CENTS = 1200;

export function makeEffect(ctx: BaseAudioContext, effect: Effect, phraseId: string): Box {
  switch (effect.kind) {
    case "distortion": return distortion(ctx, effect.wet, effect.amount);
    case "delay": return delay(ctx, effect.wet, effect.time_s, effect.feedback);
    case "reverb": return reverb(ctx, effect.wet, impulse(ctx, seedOf(phraseId), effect.decay_s));
    case "chorus": return chorus(ctx, effect.wet, effect.rate_hz, effect.depth);
    case "phaser": return phaser(ctx, effect.wet, effect.rate_hz, effect.octaves, effect.base_hz);
    case "filter": return filter(ctx, effect.wet, effect.frequency_hz, effect.q);
  }
}

/** The effect's input and output with a dry path beside it; `wetNodes` lie between, in order. */
function beside(
  ctx: BaseAudioContext, dryGain: number, wetGain: number, wetNodes: AudioNode[],
  more: { nodes?: AudioNode[]; movers?: AudioScheduledSourceNode[]; tail_s?: number } = {},
): Box {
  const [input, output] = [new GainNode(ctx), new GainNode(ctx)];
  const [dry, wet] = [new GainNode(ctx, { gain: dryGain }), new GainNode(ctx, { gain: wetGain })];
  input.connect(dry).connect(output);
  wetNodes.reduce<AudioNode>((from, node) => from.connect(node), input).connect(wet).connect(output);
  return {
    input, output,
    movers: more.movers ?? [],
    tail_s: more.tail_s ?? 0,
    nodes: [input, output, dry, wet, ...wetNodes, ...(more.nodes ?? [])],
  };
}

/** A crossfade of two unlike signals at constant power. */
const equalPower = (wet: number) => ({ dry: Math.cos((wet * Math.PI) / 2), wet: Math.sin((wet * Math.PI) / 2) });

/**
 * The curve of a warm saturation. The wet mix is inside the curve: oversampling delays the signal by some samples, and
 * a dry path beside it would comb.
 */
export function saturation(amount: number, wet: number): Float32Array<ArrayBuffer> {
  const drive = 1 + sound.effects.saturation.drive * amount;
  const level = NOMINAL / Math.tanh(drive * NOMINAL);
  const curve = new Float32Array(CURVE_POINTS);
  for (let i = 0; i < CURVE_POINTS; i++) {
    const x = (2 * i) / (CURVE_POINTS - 1) - 1;
    curve[i] = (1 - wet) * x + wet * level * Math.tanh(drive * x);
  }
  return curve;
}

function distortion(ctx: BaseAudioContext, wet: number, amount: number): Box {
  const shaper = new WaveShaperNode(ctx, { curve: saturation(amount, wet), oversample: "4x" });
  return { input: shaper, output: shaper, movers: [], tail_s: 0, nodes: [shaper] };
}

/** Seconds until an echo that keeps `feedback` of itself has fallen by 60 dB. */
export function echoTail(time_s: number, feedback: number): number {
  if (feedback <= 0.001) return time_s;
  return Math.min(TAIL_MAX_S, time_s * (1 + Math.log(0.001) / Math.log(feedback)));
}

function delay(ctx: BaseAudioContext, wet: number, time_s: number, feedback: number): Box {
  const line = new DelayNode(ctx, { delayTime: time_s, maxDelayTime: time_s + 0.01 });
  // Each echo is a little darker than the last one, and therefore steps behind the music.
  const darker = new BiquadFilterNode(ctx, { type: "lowpass", frequency: sound.effects.echo_top_hz, Q: 0 });
  const again = new GainNode(ctx, { gain: feedback });
  line.connect(darker).connect(again).connect(line);
  const mix = equalPower(wet);
  return beside(ctx, mix.dry, mix.wet, [line], { nodes: [darker, again], tail_s: echoTail(time_s, feedback) });
}

function reverb(ctx: BaseAudioContext, wet: number, buffer: AudioBuffer): Box {
  const room = new ConvolverNode(ctx, { buffer });
  const mix = equalPower(wet);
  return beside(ctx, mix.dry, mix.wet, [room], { tail_s: Math.min(TAIL_MAX_S, buffer.duration) });
}

function mover(ctx: BaseAudioContext, rate_hz: number, reach: number, params: AudioParam[]): [OscillatorNode, GainNode] {
  const oscillator = new OscillatorNode(ctx, { type: "sine", frequency: rate_hz });
  const amount = new GainNode(ctx, { gain: reach });
  oscillator.connect(amount);
  for (const param of params) amount.connect(param);
  return [oscillator, amount];
}

/** Two short delays that sway against each other, one to each side. */
function chorus(ctx: BaseAudioContext, wet: number, rate_hz: number, depth: number): Box {
  const { left_ms, right_ms, sway_s, sway_per_hz } = sound.effects.chorus;
  const [left, right] = [left_ms, right_ms].map((ms) => new DelayNode(ctx, { delayTime: ms / 1000, maxDelayTime: 0.05 })) as [DelayNode, DelayNode];
  // At most 2 ms of sway, and less when it is fast, so that the pitch bends by cents and not by notes.
  const reach = Math.min(sway_s, sway_per_hz / rate_hz) * depth;
  const [toLeft, leftAmount] = mover(ctx, rate_hz, reach, [left.delayTime]);
  const [toRight, rightAmount] = mover(ctx, rate_hz, -reach, [right.delayTime]);
  const split = new GainNode(ctx);
  const sides = new ChannelMergerNode(ctx, { numberOfInputs: 2 });
  const mono = new GainNode(ctx, { channelCount: 1, channelCountMode: "explicit" });
  mono.connect(left).connect(sides, 0, 0);
  mono.connect(right).connect(sides, 0, 1);

  const box = beside(ctx, 1 - wet * 0.5, wet, [split], {
    nodes: [left, right, mono, sides, leftAmount, rightAmount],
    movers: [toLeft, toRight],
    tail_s: sound.effects.modulation_tail_s,
  });
  // `split` is only the place where the two sides leave and come back.
  split.disconnect();
  split.connect(mono);
  sides.connect(box.nodes[3]!);
  return box;
}

/** Allpass filters that glide over `octaves` from `base_hz` up; their sum with the dry signal has moving notches. */
function phaser(ctx: BaseAudioContext, wet: number, rate_hz: number, octaves: number, base_hz: number): Box {
  const { stages: count, q, top_hz } = sound.effects.phaser;
  const centre = Math.min(base_hz * 2 ** (octaves / 2), top_hz);
  const stages = Array.from({ length: count }, () => new BiquadFilterNode(ctx, { type: "allpass", frequency: centre, Q: q }));
  const [sweep, amount] = mover(ctx, rate_hz, (octaves / 2) * OCTAVE_CENTS, stages.map((stage) => stage.detune));
  return beside(ctx, 1 - wet / 2, wet / 2, stages, { nodes: [amount], movers: [sweep], tail_s: sound.effects.modulation_tail_s });
}

function filter(ctx: BaseAudioContext, wet: number, frequency_hz: number, q: number): Box {
  return beside(ctx, 1 - wet, wet, [new BiquadFilterNode(ctx, { type: "lowpass", frequency: frequency_hz, Q: q })], { tail_s: sound.effects.modulation_tail_s });
}
