import { describe, expect, it } from "vitest";
import { channelOf, nameFrom, nameProblem, stationOf } from "./names";
import { musicEnds, readPhrase, safeUrl } from "./phrase";

const pitch = { note: "D4", midi: 62, hz: 293.66 };
const PHRASE = {
  v: 1, n: 12, id: "72d3162e-cc78-11e3-81ab-4c9367dc0958", station: "octocat/hello-world", at_ms: 1_795_230_245_123,
  event: { type: "push", action: "updated", title: "<b>octocat</b> pushed", actor: "octocat", url: "https://github.com/octocat/hello-world" },
  mood: "activity", intensity: 0.42, tempo: { bpm: 92, name: "Andante", commits_last_hour: 3 }, key: "D",
  scale: { name: "D major pentatonic", notes: ["D", "E", "F#", "A", "B"] }, duration_s: 4.2,
  voice: { language: "Rust", synth: "poly", waveform: "square" },
  envelope: { attack_s: 0.01, decay_s: 0.1, sustain: 0.3, release_s: 0.2 },
  filter: { kind: "lowpass", frequency_hz: 768, q: 1 },
  effects: [{ kind: "phaser", wet: 0.28, rate_hz: 0.5, octaves: 3, base_hz: 350 }],
  gain_db: -12,
  melody: [{ at_s: 0, duration_s: 0.33, velocity: 0.5, ...pitch }],
  chords: [{ at_s: 0, duration_s: 5.05, symbol: "D", velocity: 0.35, notes: [pitch] }],
  cats: [{ sound: "hiss", place: "offbeat", at_s: 0.65, duration_s: 0.4, velocity: 0.35 }],
  why: [{ what: "mood", words: "Commits are activity." }],
};

describe("reading a phrase", () => {
  it("keeps what the format says", () => {
    const phrase = readPhrase(PHRASE)!;
    expect(phrase).toMatchObject({ n: 12, mood: "activity", melody: [{ hz: 293.66, velocity: 0.5 }], cats: [{ sound: "hiss", pitch: null }] });
    expect(phrase.event.title).toBe("<b>octocat</b> pushed");
    expect(musicEnds(phrase)).toBeCloseTo(5.05);
  });

  it("refuses what is no phrase of this version", () => {
    for (const value of [null, [], "x", { ...PHRASE, v: 2 }, { ...PHRASE, mood: "rage" }, { ...PHRASE, n: -1 }, { ...PHRASE, id: 7 }]) {
      expect(readPhrase(value)).toBeNull();
    }
  });

  it("brings numbers into bounds, so that no sender can hurt an ear", () => {
    const phrase = readPhrase({
      ...PHRASE, gain_db: 40, tempo: { bpm: 1e9 },
      melody: [{ ...PHRASE.melody[0], velocity: 50, at_s: Number.NaN }, { ...PHRASE.melody[0], hz: "x" }],
      effects: [{ kind: "delay", wet: 3, time_s: 0.2, feedback: 2 }, { kind: "blast", wet: 1 }],
    })!;
    expect(phrase.gain_db).toBe(-12);
    expect(phrase.tempo.bpm).toBe(200);
    expect(phrase.melody).toMatchObject([{ velocity: 1, at_s: 0 }]);
    expect(phrase.effects).toEqual([{ kind: "delay", wet: 1, time_s: 0.2, feedback: 0.85 }]);
  });

  it("never sounds more than 256 notes", () => {
    const phrase = readPhrase({ ...PHRASE, melody: Array.from({ length: 5000 }, () => PHRASE.melody[0]) })!;
    expect(phrase.melody.length + phrase.chords.length + phrase.cats.length).toBe(256);
  });

  it("takes only https for an address", () => {
    expect(safeUrl("https://github.com/a/b")).toBe("https://github.com/a/b");
    for (const bad of ["javascript:alert(1)", "http://x", " https://x", 7, null]) expect(safeUrl(bad)).toBeNull();
  });
});

describe("names of stations", () => {
  it("have an owner, one slash and a repository", () => {
    expect(nameProblem("octocat/hello-world_2.0")).toBeNull();
    for (const bad of ["", "octocat", "a/b/c", "/b", "a/", "a b/c", "ä/c", "../etc", "a/.."]) expect(nameProblem(bad)).not.toBeNull();
  });

  it("are found in what people paste and in addresses", () => {
    expect(nameFrom(" https://github.com/Octocat/Hello-World.git ")).toBe("Octocat/Hello-World");
    expect(nameFrom("octocat/hello.world/")).toBe("octocat/hello.world");
    expect(stationOf("/radio/Octocat/Hello-World/")).toBe("Octocat/Hello-World");
    expect(stationOf("/radio")).toBeNull();
    expect(stationOf("/radio/a/b/c")).toBeNull();
    expect(channelOf("Octocat/Hello-World")).toBe("radio:octocat/hello-world");
  });
});
