/**
 * Where all phrases meet: a small common room, a slow compressor that keeps a crowd as gentle as one, a limiter, and a
 * last soft knee that makes clipping impossible. Then volume, and an analyser for the eye.
 */
import sound from "../../sound.json";
import { impulse, seedOf } from "./noise";

export interface Master {
  input: AudioNode;
  analyser: AnalyserNode;
  /** 0 to 1 as on the slider; moves within some milliseconds, without a click. */
  setVolume(volume: number): void;
}

const { room_s: ROOM_S, room_send: ROOM_SEND, knee: KNEE, ceiling: CEILING } = sound.master;
/** How far the whole is raised before the dynamics. */
const DRIVE = sound.master.drive;

const compressor = (of: typeof sound.master.limiter): DynamicsCompressorOptions => ({
  threshold: of.threshold_db, knee: of.knee_db, ratio: of.ratio, attack: of.attack_s, release: of.release_s,
});
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
  const rumble = new BiquadFilterNode(ctx, { type: "highpass", frequency: sound.master.rumble_hz, Q: 0 });
  const together = new DynamicsCompressorNode(ctx, compressor(sound.master.together));
  const limiter = new DynamicsCompressorNode(ctx, compressor(sound.master.limiter));

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
