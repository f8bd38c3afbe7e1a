import { expect, it } from "vitest";
import { cancelWords, leftOf, partsOf, progressWords, sealWords, standing } from "./batches.ts";
import type { Batch } from "./answers.ts";

const one: Batch = {
  id: "1", name: "import", total: 24, completed: 11, cancelled: 1, discarded: 3, percent: 62, callback: "9",
  created_at_ms: 1, sealed_at_ms: 2, finished_at_ms: null,
};

it("counts what is left", () => {
  expect(leftOf(one)).toBe(9);
  expect(partsOf(one).reduce((sum, part) => sum + part.value, 0)).toBe(15);
  expect(progressWords(one)).toBe("11 of 24 done, 3 failed, 1 cancelled, 9 left");
  expect(progressWords({ ...one, completed: 24, cancelled: 0, discarded: 0 })).toBe("24 of 24 done");
  expect(progressWords({ ...one, total: 0, completed: 0, cancelled: 0, discarded: 0 })).toBe("no job in it");
});

it("has one word", () => {
  expect(standing(one)).toEqual({ word: "running", tone: "accent" });
  expect(standing({ ...one, sealed_at_ms: null }).word).toBe("open");
  expect(standing({ ...one, finished_at_ms: 3 })).toEqual({ word: "finished", tone: "warn" });
  expect(standing({ ...one, discarded: 0, finished_at_ms: 3 }).tone).toBe("warn");
  expect(standing({ ...one, discarded: 0, cancelled: 0, finished_at_ms: 3 })).toEqual({ word: "finished", tone: "ok" });
});

it("says what sealing and calling off will do", () => {
  expect(sealWords({ ...one, sealed_at_ms: null })).toContain("when all of them have ended");
  expect(sealWords({ ...one, completed: 20, sealed_at_ms: null })).toContain("at once");
  expect(cancelWords(one)).toBe("9 jobs that have not ended will be cancelled; running ones are told to stop. Its callback still begins.");
  expect(cancelWords({ ...one, sealed_at_ms: null, callback: null })).toContain("It is sealed too");
});
