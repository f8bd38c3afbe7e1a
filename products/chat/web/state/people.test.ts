import { expect, it } from "vitest";
import { learn, presence, statusOf, statusWords } from "./people.svelte";

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
