import { describe, expect, it } from "vitest";
import { changeFace, faceOf, learn, nameOf, presence, showFace, statusOf, statusWords } from "./people.svelte";

describe("how somebody looks", () => {
  it("is what was read last, and what says nothing of it changes nothing", () => {
    learn([{ id: "usr_a", name: "Ada", avatar: "/one" }]);
    learn([{ id: "usr_a", name: "Ada L." }]);
    expect([nameOf("usr_a"), faceOf("usr_a")]).toEqual(["Ada L.", "/one"]);
    learn([{ id: "usr_a", name: "Ada", avatar: null }]);
    expect(faceOf("usr_a")).toBeUndefined();
    showFace("usr_a", "/one");
    expect(faceOf("usr_a"), "a ban may be lifted").toBe("/one");
  });

  it("is never again what was replaced, however late an older reading comes", () => {
    learn([{ id: "usr_b", name: "Ben", avatar: "/old" }]);
    changeFace("usr_b", "/new");
    learn([{ id: "usr_b", name: "Ben", avatar: "/old" }]);
    expect(faceOf("usr_b")).toBe("/new");
    changeFace("usr_b", "/new");
    expect(faceOf("usr_b"), "told twice").toBe("/new");
    changeFace("usr_b", "/old");
    changeFace("usr_b", "/new");
    expect(faceOf("usr_b"), "told late").toBe("/new");
    changeFace("usr_b", null);
    learn([{ id: "usr_b", name: "Ben", avatar: "/new" }]);
    expect(faceOf("usr_b")).toBeUndefined();
  });
});

const EVE = "usr_eve";
const NOW = 1_000_000;
const told = (status: "online" | "away" | "offline", last_seen_at_ms: number | null) => learn([], [{ person: EVE, status, last_seen_at_ms }]);

it("who goes is gone at once, and was last seen when the server says so, whichever comes first", () => {
  presence.joined("r", "one", EVE);
  told("away", null);
  expect(statusOf(EVE)).toBe("away");
  presence.left("r", "one");
  expect(statusWords(EVE, NOW)).toBe("Offline");
  told("offline", NOW);
  expect(statusWords(EVE, NOW)).toBe("Last seen just now");

  presence.joined("r", "two", EVE);
  expect(statusOf(EVE)).toBe("online");
  told("online", null);
  told("offline", NOW - 120_000);
  presence.left("r", "two");
  expect(statusWords(EVE, NOW)).toBe("Last seen 2 minutes ago");
});

it("who has another page open is not gone", () => {
  told("online", null);
  presence.joined("r", "one", EVE);
  presence.joined("r", "two", EVE);
  presence.left("r", "one");
  presence.left("r", "nobody");
  expect(statusOf(EVE)).toBe("online");
  expect(statusOf(null)).toBe("offline");
});
