import { expect, test } from "vitest";
import type { Source } from "../../contract.ts";
import { senderOf } from "./senders.ts";
import { blank, draftOf, freeName, policyWords, settingsOf, standing } from "./sources.ts";

const source: Source = {
  name: "partner",
  sender: "generic",
  path: "/in/partner",
  enabled: true,
  secret_from: "operator",
  secret_created_at_ms: 0,
  secrets: [{ id: 1, created_at_ms: 0, until_ms: null, active: true }],
  trust: null,
  settings: { body_bytes: 65_536, rate_per_second: 5, custom: null },
  last_delivery_at_ms: null,
  accepted_24h: 0,
  rejected_24h: 0,
  documentation: "",
};

test("a source is told by one word, and why", () => {
  expect(standing(source).word).toBe("on");
  expect(standing({ ...source, enabled: false }).word).toBe("off");
  expect(standing({ ...source, trust: "low", secrets: [] }, senderOf("railway")).word).toBe("low trust");
  expect(standing({ ...source, secrets: [{ id: 1, created_at_ms: 0, until_ms: 5, active: false }] }).word).toBe("no secret");
  expect(standing({ ...source, secrets: [] }, senderOf("kick")).word).toBe("on");
  expect(standing({ ...source, secrets: [], secret_from: "environment" }).word).toBe("on");
});

test("settings go into the form and come out the same", () => {
  expect(settingsOf(draftOf(source))).toEqual(source.settings);
  const custom = {
    algorithm: "hmac-sha512",
    encoding: "base64",
    key: "hex",
    header: "x-sig",
    prefix: "",
    signed: "{x-time}.{body}",
    timestamp: { at: "header:x-time", unit: "ms", tolerance_s: 60 },
    id: "body:/id",
    event_type: "header:x-type",
    subject: null,
    retries: false,
  };
  const own = { ...source, settings: { body_bytes: null, rate_per_second: null, custom } };
  expect(settingsOf(draftOf(own))).toEqual(own.settings);
});

test("only a generic source says how it signs, and a shared token is plain", () => {
  expect(settingsOf({ ...blank(), own: true }).custom).toBeNull();
  const draft = { ...blank(), sender: "generic", own: true };
  draft.custom = { ...draft.custom, algorithm: "shared-token", header: " X-Token ", id: " " };
  expect(settingsOf(draft).custom).toMatchObject({ encoding: "plain", header: "x-token", id: null, timestamp: null });
});

test("the policy in words", () => {
  expect(policyWords(source.settings)).toBe("bodies up to 64 KiB; 5 deliveries a second at most");
  expect(policyWords({ body_bytes: null, rate_per_second: null, custom: null })).toBe("");
});

test("a free name", () => {
  expect(freeName("github", ["github", "github-2"])).toBe("github-3");
  expect(freeName("generic", [])).toBe("partner");
});
