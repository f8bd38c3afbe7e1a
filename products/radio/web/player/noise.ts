/**
 * Noise that is the same every time: seeded by the phrase, never by Math.random, so that a replay sounds like the first
 * hearing. (Two renderings still differ by some −75 dB: browsers add what meets at a node in no fixed order.)
 */

/** A number from a text (FNV-1a, 32 bits). */
export function seedOf(words: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** mulberry32: numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function whiteNoise(ctx: BaseAudioContext, seed: number, seconds: number): AudioBuffer {
  const buffer = ctx.createBuffer(1, Math.max(1, Math.ceil(seconds * ctx.sampleRate)), ctx.sampleRate);
  const random = randomFrom(seed);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < samples.length; i++) samples[i] = random() * 2 - 1;
  return buffer;
}

const PRE_DELAY_S = 0.012;

/**
 * The impulse of a room that falls to −60 dB in `decay_s`: noise under an exponential, swelling in over a few
 * milliseconds and growing darker as it fades, the way walls eat high tones first.
 */
export function fillImpulse(samples: Float32Array, sampleRate: number, seed: number, decay_s: number): void {
  const random = randomFrom(seed);
  const before = Math.round(PRE_DELAY_S * sampleRate);
  const swell = Math.max(1, Math.round(0.02 * sampleRate));
  const fall = Math.log(1000) / (decay_s * sampleRate);
  let dark = 0;
  for (let i = before; i < samples.length; i++) {
    const t = i - before;
    const progress = t / (samples.length - before);
    // One-pole low-pass whose opening closes from about 0.5 to 0.06 over the tail.
    dark += (random() * 2 - 1 - dark) * (0.06 + 0.44 * (1 - progress) ** 2);
    samples[i] = dark * Math.exp(-fall * t) * Math.min(1, t / swell);
  }
}

const ROOMS_MAX = 6;
const rooms = new WeakMap<BaseAudioContext, Map<string, AudioBuffer>>();

/** The stereo impulse of a seed and a decay; the last few are kept, because making one costs some milliseconds. */
export function impulse(ctx: BaseAudioContext, seed: number, decay_s: number): AudioBuffer {
  const kept = rooms.get(ctx) ?? new Map<string, AudioBuffer>();
  rooms.set(ctx, kept);
  const name = `${seed}:${decay_s}`;
  const known = kept.get(name);
  if (known) return known;

  const length = Math.ceil((decay_s + PRE_DELAY_S) * ctx.sampleRate);
  const buffer = ctx.createBuffer(2, length, ctx.sampleRate);
  fillImpulse(buffer.getChannelData(0), ctx.sampleRate, seed, decay_s);
  fillImpulse(buffer.getChannelData(1), ctx.sampleRate, seed ^ 0x9e3779b9, decay_s);
  if (kept.size >= ROOMS_MAX) kept.delete(kept.keys().next().value!);
  kept.set(name, buffer);
  return buffer;
}
