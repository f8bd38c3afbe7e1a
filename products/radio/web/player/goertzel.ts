/** Measuring what sounds: the power of one pitch in a stretch of samples, its peak and its loudness. */

/**
 * Power of the sine at `hz` between two times: amplitude² / 2, so a full-scale sine answers 0.5 and silence 0.
 * Goertzel's recurrence under a Hann window, so that a strong neighbour a few bins away does not leak in.
 */
export function energyAt(samples: ArrayLike<number>, sampleRate: number, hz: number, from_s: number, to_s: number): number {
  const from = Math.max(0, Math.round(from_s * sampleRate));
  const to = Math.min(samples.length, Math.round(to_s * sampleRate));
  const count = to - from;
  if (count < 2) return 0;
  const turn = (2 * Math.PI * hz) / sampleRate;
  const twice = 2 * Math.cos(turn);
  let [one, two, weight] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (count - 1));
    const next = samples[from + i]! * hann + twice * one - two;
    two = one;
    one = next;
    weight += hann;
  }
  const magnitude2 = one * one + two * two - twice * one * two;
  // |X| = amplitude · weight / 2 for a sine inside the window.
  return (2 * magnitude2) / (weight * weight);
}

export function peak(samples: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < samples.length; i++) most = Math.max(most, Math.abs(samples[i]!));
  return most;
}

export function rms(samples: ArrayLike<number>, from = 0, to = samples.length): number {
  if (to <= from) return 0;
  let sum = 0;
  for (let i = from; i < to; i++) sum += samples[i]! * samples[i]!;
  return Math.sqrt(sum / (to - from));
}
