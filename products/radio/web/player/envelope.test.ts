import { describe, expect, it } from "vitest";
import { envelopePoints, heldLevel, noteLength } from "./envelope";

const TENSION = { attack_s: 0.1, decay_s: 0.2, sustain: 0.5, release_s: 0.8 };

describe("the held level", () => {
  it("rises to 1 at the end of the attack and falls to the sustain", () => {
    expect(heldLevel(TENSION, 0)).toBe(0);
    expect(heldLevel(TENSION, 0.05)).toBeCloseTo(0.5);
    expect(heldLevel(TENSION, 0.1)).toBeCloseTo(1);
    expect(heldLevel(TENSION, 0.2)).toBeCloseTo(0.75);
    expect(heldLevel(TENSION, 9)).toBe(0.5);
  });
});

describe("the points of a note", () => {
  it("begin and end in silence, in order of time", () => {
    for (const duration of [0.02, 0.1, 0.15, 0.4, 3]) {
      const points = envelopePoints(TENSION, duration);
      expect(points[0]).toMatchObject({ at_s: 0, level: 0 });
      expect(points.at(-1)!.level).toBe(0);
      const times = points.map((point) => point.at_s);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times.at(-1)).toBeCloseTo(noteLength(TENSION, duration));
    }
  });

  it("release a short note from the level that it has come to", () => {
    const points = envelopePoints(TENSION, 0.05);
    expect(Math.max(...points.map((point) => point.level))).toBeCloseTo(0.5);
  });

  it("hold the sustain until the note lets go", () => {
    expect(envelopePoints(TENSION, 2).find((point) => point.at_s === 2)).toMatchObject({ level: 0.5 });
  });

  it("never rise or fall so fast that it clicks, whatever the phrase says", () => {
    const points = envelopePoints({ attack_s: 0, decay_s: 0, sustain: 1, release_s: 0 }, 0.5);
    expect(points[1]!.at_s).toBeGreaterThanOrEqual(0.004);
    expect(points.at(-1)!.at_s - 0.5).toBeGreaterThanOrEqual(0.03);
  });
});
