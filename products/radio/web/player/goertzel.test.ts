import { expect, it } from "vitest";
import { energyAt, peak, rms } from "./goertzel";

const RATE = 44_100;
const sine = (hz: number, amplitude: number, seconds = 1) =>
  Float32Array.from({ length: RATE * seconds }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / RATE));

it("answers amplitude² / 2 of the sine at that pitch", () => {
  expect(energyAt(sine(440, 1), RATE, 440, 0, 1)).toBeCloseTo(0.5, 3);
  expect(energyAt(sine(293.66, 0.25), RATE, 293.66, 0.2, 0.7)).toBeCloseTo(0.03125, 4);
});

it("tells a semitone from its neighbour within a short note", () => {
  const samples = sine(440, 1);
  expect(energyAt(samples, RATE, 440, 0.1, 0.3) / energyAt(samples, RATE, 466.16, 0.1, 0.3)).toBeGreaterThan(1000);
});

it("finds nothing in silence, and nothing outside of the samples", () => {
  expect(energyAt(new Float32Array(RATE), RATE, 440, 0, 1)).toBe(0);
  expect(energyAt(sine(440, 1), RATE, 440, 5, 6)).toBe(0);
});

it("measures peak and loudness", () => {
  expect(peak(sine(100, 0.5))).toBeCloseTo(0.5, 3);
  expect(rms(sine(100, 0.5))).toBeCloseTo(0.5 / Math.SQRT2, 3);
});
