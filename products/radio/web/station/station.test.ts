import { expect, it } from "vitest";
import { angleOf, fifthOf, FIFTHS, glow, radiusOf } from "../field/circle";
import { readPhrase } from "../phrase";
import { skewFrom } from "./clock";
import { keyAction } from "./keys";
import { column, samples } from "./language";
import { reasons } from "./reasons";

const phrase = readPhrase({
  v: 1, n: 1, id: "x", at_ms: 1, mood: "growth", key: "F#", scale: { name: "F# dorian", notes: ["F#"] }, tempo: { bpm: 90, name: "Andante" },
  melody: [{ at_s: 0, duration_s: 1, velocity: 1, note: "F#4", midi: 66, hz: 369.99 }],
  why: [{ what: "mood", words: "One." }, { what: "key", words: "Two." }, { what: "mood", words: "Three." }, { what: "moon", words: "Four." }],
})!;

it("trusts its own clock unless the server's is clearly another", () => {
  const at = Date.parse("Sat, 21 Nov 2026 04:00:00 GMT");
  expect(skewFrom("Sat, 21 Nov 2026 04:00:00 GMT", at + 100, at + 300)).toBe(0);
  expect(skewFrom("Sat, 21 Nov 2026 04:00:30 GMT", at, at)).toBe(30_500);
  expect(skewFrom(null, at, at)).toBe(0);
  expect(skewFrom("not a date", at, at)).toBe(0);
});

it("puts the reasons of one subject together, in reading order, beside their value", () => {
  expect(reasons(phrase)).toEqual([
    { what: "mood", value: "growth", words: ["One.", "Three."] },
    { what: "key", value: "F♯", words: ["Two."] },
    { what: "moon", value: "", words: ["Four."] },
  ]);
});

it("reads the language from the phrases themselves", () => {
  expect(column(phrase)).toMatchObject({ mood: "growth", cells: { scale: "dorian", chords: "no", "tempo now": "90 BPM" } });
  expect(samples([{ event: "a", mood: "growth" }, { event: "b", mood: "tension" }, { event: "c", mood: "growth" }])).toEqual([
    { event: "b", mood: "tension" }, { event: "a", mood: "growth" },
  ]);
});

it("lays a fifth beside its neighbour and an octave on its line", () => {
  expect(angleOf(67) - angleOf(60)).toBeCloseTo((2 * Math.PI) / 12);
  expect(angleOf(72)).toBeCloseTo(angleOf(60));
  expect(radiusOf(72)).toBeGreaterThan(radiusOf(60));
  expect(FIFTHS[fifthOf("Db")]).toBe("C#");
  expect(fifthOf("H")).toBe(-1);
});

it("glows while a note is held and fades after it", () => {
  expect(glow(0, 0.1, 1, 4)).toBe(0);
  expect(glow(0.5, 0.1, 1, 4)).toBe(1);
  expect(glow(3, 0.1, 1, 4)).toBeLessThan(glow(2, 0.1, 1, 4));
});

it("leaves the keyboard to whoever types, and the space bar to buttons", () => {
  const press = (key: string, within = "", more = {}) =>
    keyAction({
      key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more,
      target: { closest: (selector: string) => (within !== "" && selector.split(/, ?/).some((one) => one.startsWith(within)) ? {} : null) } as unknown as EventTarget,
    });
  expect(press(" ")).toBe("listen");
  expect(press(" ", "button")).toBeNull();
  expect(press("m", "button")).toBe("mute");
  expect(press("t", "select")).toBeNull();
  expect(press("t", "", { ctrlKey: true })).toBeNull();
  expect(press("x")).toBeNull();
});
