import { describe, expect, it } from "vitest";
import type { Station } from "../../contract.ts";
import { heard, listeningWords, repositoryOf, type PhraseHeard } from "./station.ts";

describe("repositoryOf", () => {
  it.each([
    ["octocat/Hello-World", "octocat/hello-world"],
    ["  octocat/hello.js ", "octocat/hello.js"],
    ["https://github.com/octocat/hello-world", "octocat/hello-world"],
    ["https://github.com/octocat/hello-world.git", "octocat/hello-world"],
    ["github.com/octocat/hello-world/pull/7?x=1", "octocat/hello-world"],
    ["git@github.com:octocat/hello-world.git", "octocat/hello-world"],
  ])("reads %s", (typed, found) => expect(repositoryOf(typed)).toBe(found));

  it.each(["", "octocat", "octocat/", "/repo", "a b/c", "octocat/..", "javascript:alert(1)", "<b>/x"])("refuses %s", (typed) =>
    expect(repositoryOf(typed)).toBeNull(),
  );
});

describe("listeningWords", () => {
  it("names the means that somebody uses", () => {
    const words = (sockets: number, events: number, audio: number) =>
      listeningWords({ listeners: sockets + events + audio, listening: { sockets, events, audio } });
    expect([words(0, 0, 0), words(1, 0, 0), words(2, 1, 0), words(0, 0, 1000)]).toEqual([
      "nobody listens", "1 page", "2 pages, 1 event stream", "1,000 players",
    ]);
  });
});

describe("heard", () => {
  const station = (name: string): Station => ({
    station: name, name, phrases: 4, last_phrase_at_ms: 1, last_title: null, mood: null, intensity: null, bpm: null, key: null, commits_last_hour: 0, listeners: 2,
    description: "", private: false, keep_days: 0, listening: { sockets: 1, events: 0, audio: 1 }, on_air: ["mp3"],
  });
  const phrase = (name: string): PhraseHeard => ({
    n: 5, station: name, at_ms: 9, event: { title: "a push" }, mood: "activity", intensity: 0.4, tempo: { bpm: 92, commits_last_hour: 3 }, key: "D",
  });

  it("puts the station that played first and keeps what a phrase does not tell", () => {
    const after = heard([station("a/a"), station("b/b")], phrase("b/b"));
    expect(after.map((one) => one.station)).toEqual(["b/b", "a/a"]);
    expect(after[0]).toMatchObject({ phrases: 5, last_title: "a push", mood: "activity", bpm: 92, listeners: 2 });
  });

  it("does not count back for a test phrase, and leaves an unknown station to the next question", () => {
    expect(heard([station("a/a")], { ...phrase("a/a"), n: 0 })[0]?.phrases).toBe(4);
    expect(heard([station("a/a")], phrase("x/x")).map((one) => one.station)).toEqual(["a/a"]);
  });
});
