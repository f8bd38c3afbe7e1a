/** A phrase as samples, faster than time: for tests, which ask whether the documented notes really sound. */
import type { Phrase } from "../phrase";
import { energyAt, peak, rms } from "./goertzel";
import { createMaster } from "./master";
import { renderPhrase } from "./synth";

export interface Rendering {
  sampleRate: number;
  duration_s: number;
  /** Both channels, and their mean. */
  left: Float32Array;
  right: Float32Array;
  samples: Float32Array;
  /** The highest sample of either channel, 0 to 1. */
  peak: number;
  rms: number;
  /** The power (amplitude² / 2) of the sine at `hz` between two times, by Goertzel. Time 0 is the start of the phrase. */
  energyAt(hz: number, from_s: number, to_s: number): number;
}

const SAMPLE_RATE = 44_100;
/** The compressors look a few milliseconds ahead, so everything leaves the master that much later. */
const AFTER_S = 0.1;
const LENGTH_MAX_S = 60;

/** Renders phrases through one master; each starts `at_s` seconds after the beginning. */
export async function renderTogether(parts: { phrase: Phrase; at_s: number }[], sampleRate = SAMPLE_RATE): Promise<Rendering> {
  // A first pass without rendering, only to learn how long the tails ring.
  const measure = new OfflineAudioContext(2, 1, sampleRate);
  const ends = parts.map(({ phrase, at_s }) => renderPhrase(measure, measure.destination, phrase, at_s).ends_at);
  const length = Math.ceil(Math.min(LENGTH_MAX_S, Math.max(0.1, ...ends) + AFTER_S) * sampleRate);

  const ctx = new OfflineAudioContext(2, length, sampleRate);
  const master = createMaster(ctx, ctx.destination);
  for (const { phrase, at_s } of parts) renderPhrase(ctx, master.input, phrase, at_s);
  const buffer = await ctx.startRendering();

  const [left, right] = [buffer.getChannelData(0), buffer.getChannelData(1)];
  const samples = left.map((sample, i) => (sample + right[i]!) / 2);
  return {
    sampleRate, left, right, samples,
    duration_s: buffer.duration,
    peak: Math.max(peak(left), peak(right)),
    rms: rms(samples),
    energyAt: (hz, from_s, to_s) => energyAt(samples, sampleRate, hz, from_s, to_s),
  };
}

export const renderOffline = (phrase: Phrase): Promise<Rendering> => renderTogether([{ phrase, at_s: 0 }]);
