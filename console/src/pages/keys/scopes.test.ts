import { expect, it } from "vitest";
import { example, mayWords, SCOPE_WORDS, SCOPES } from "./scopes.ts";

it("says what a key may do, in one order", () => {
  expect(mayWords([])).toBe("do nothing");
  expect(mayWords(["events:read"])).toBe("read events");
  expect(mayWords(["events:read", "jobs:enqueue", "events:publish"])).toBe("enqueue jobs, publish events and read events");
});

it("has words and an example for every scope", () => {
  for (const scope of SCOPES) {
    expect(SCOPE_WORDS[scope].why).not.toBe("");
    const text = example(scope, "https://example.org", "msk_1");
    expect(text).toContain("https://example.org/api/");
    expect(text).toContain("Authorization: Bearer msk_1'");
    // What is pasted into a shell holds no quote inside of quotes.
    expect(text.split("'").length % 2).toBe(1);
    const sent = /-d '(.*)'$/s.exec(text)?.[1];
    if (sent !== undefined) expect(() => JSON.parse(sent) as unknown).not.toThrow();
  }
});
