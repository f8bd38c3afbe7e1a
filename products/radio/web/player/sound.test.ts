import { expect, it } from "vitest";
import { tonicHz } from "./ambience";
import { echoTail, saturation } from "./effects";
import { softKnee } from "./master";
import { fillImpulse, randomFrom, seedOf } from "./noise";
import { lowpassGain, makeUp } from "./voices";

it("makes the same noise from the same seed", () => {
  const [a, b] = [randomFrom(seedOf("a delivery")), randomFrom(seedOf("a delivery"))];
  expect(Array.from({ length: 9 }, a)).toEqual(Array.from({ length: 9 }, b));
  expect(randomFrom(seedOf("another"))()).not.toBe(randomFrom(seedOf("a delivery"))());
});

it("lets a room fall by 60 dB in its decay time", () => {
  const samples = new Float32Array(44_100 * 2);
  fillImpulse(samples, 44_100, 7, 2);
  const loudness = (from: number) => Math.hypot(...samples.slice(from, from + 2000)) / Math.sqrt(2000);
  expect(samples[0]).toBe(0);
  expect(loudness(86_000) / loudness(2500)).toBeLessThan(0.005);
});

it("never lets anything past the ceiling, and leaves quiet sound alone", () => {
  expect(softKnee(0.5)).toBe(0.5);
  for (const x of [0.8, 1, 2, 50]) expect(softKnee(x)).toBeLessThan(0.97);
  expect(softKnee(-2)).toBe(-softKnee(2));
});

it("saturates around the melody's level without making it louder", () => {
  const curve = saturation(0.4, 0.5);
  const at = (x: number) => curve[Math.round(((x + 1) / 2) * (curve.length - 1))]!;
  expect(at(0)).toBeCloseTo(0, 5);
  expect(at(0.25)).toBeCloseTo(0.25, 2);
  expect(at(1)).toBeLessThan(1);
});

it("knows how long an echo rings", () => {
  expect(echoTail(0.25, 0.4)).toBeCloseTo(0.25 * (1 + Math.log(0.001) / Math.log(0.4)));
  expect(echoTail(2, 0.85)).toBe(8);
});

it("gives back most of what a closed filter takes from a high note", () => {
  const filter = { frequency_hz: 300, q: 1 };
  expect(lowpassGain(filter, 1200)).toBeLessThan(0.08);
  expect(makeUp(filter, 1200)).toBe(4);
  expect(makeUp(filter, 100)).toBe(1);
});

it("finds the tonic of a key", () => {
  expect(tonicHz("A")).toBeCloseTo(220);
  expect(tonicHz("C")).toBeCloseTo(130.81, 1);
  expect(tonicHz("F#")).toBeCloseTo(185, 0);
});
