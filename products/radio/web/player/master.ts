/**
 * Where all phrases meet: a small common room, a slow compressor that keeps a crowd as gentle as one, a limiter, and a
 * last soft knee that makes clipping impossible. Then volume, and an analyser for the eye.
 */
import { impulse, seedOf } from "./noise";

export interface Master {
  input: AudioNode;
  analyser: AnalyserNode;
  /** 0 to 1 as on the slider; moves within some milliseconds, without a click. */
  setVolume(volume: number): void;
}

const ROOM_S = 1.3;
const ROOM_SEND = 0.16;
/** How far the whole is raised before the dynamics. */
const DRIVE = 1.5;
const KNEE = 0.7;
const CEILING = 0.96;
/** The knee's curve covers inputs up to this; a WaveShaper clamps what lies beyond. */
const CURVE_REACH = 2;
const CURVE_POINTS = 4097;

/** Straight up to the knee, then bending towards the ceiling, which nothing passes. */
export function softKnee(x: number): number {
  const size = Math.abs(x);
  if (size <= KNEE) return x;
  const room = CEILING - KNEE;
  return Math.sign(x) * (KNEE + room * Math.tanh((size - KNEE) / room));
}

export function createMaster(ctx: BaseAudioContext, destination: AudioNode): Master {
  const input = new GainNode(ctx, { gain: DRIVE, channelCount: 2, channelCountMode: "explicit" });
  const send = new GainNode(ctx, { gain: ROOM_SEND });
  const room = new ConvolverNode(ctx, { buffer: impulse(ctx, seedOf("the common room"), ROOM_S) });
  // Below 30 Hz is nothing to hear, only speaker cones moving.
  const rumble = new BiquadFilterNode(ctx, { type: "highpass", frequency: 30, Q: 0 });
  const together = new DynamicsCompressorNode(ctx, { threshold: -20, knee: 16, ratio: 3, attack: 0.012, release: 0.3 });
  const limiter = new DynamicsCompressorNode(ctx, { threshold: -5, knee: 4, ratio: 16, attack: 0.002, release: 0.12 });

  const curve = new Float32Array(CURVE_POINTS);
  for (let i = 0; i < CURVE_POINTS; i++) curve[i] = softKnee(((2 * i) / (CURVE_POINTS - 1) - 1) * CURVE_REACH);
  const intoCurve = new GainNode(ctx, { gain: 1 / CURVE_REACH });
  const knee = new WaveShaperNode(ctx, { curve });

  const volume = new GainNode(ctx);
  const analyser = new AnalyserNode(ctx, { fftSize: 1024, smoothingTimeConstant: 0.7 });

  input.connect(rumble);
  input.connect(send).connect(room).connect(rumble);
  rumble.connect(together).connect(limiter).connect(intoCurve).connect(knee).connect(volume);
  // The analyser hears what the listener hears, volume and mute included.
  volume.connect(analyser);
  volume.connect(destination);

  return {
    input,
    analyser,
    setVolume(level) {
      // Hearing is logarithmic: the square makes the slider's middle sound like the middle.
      volume.gain.setTargetAtTime(level * level, ctx.currentTime, 0.025);
    },
  };
}
