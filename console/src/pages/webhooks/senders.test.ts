import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SENDERS, stepPieces } from "./senders.ts";

// The server's own descriptions, a file a sender: what is said here must be so there.
const FOLDER = join(import.meta.dirname, "../../../../platform/webhooks/src/sources");
const described = readdirSync(FOLDER)
  .filter((file) => file !== "mod.rs")
  .map((file) => readFileSync(join(FOLDER, file), "utf8"))
  .map((text) => /pub\(super\) const SENDER[^]*?^\};/m.exec(text)?.[0] ?? "");

it("knows every sender that the server knows", () => {
  const names = described.map((text) => /name: "([^"]+)"/.exec(text)?.[1]);
  expect(SENDERS.map((one) => one.name).sort()).toEqual(names.sort());
});

it.each(SENDERS)("says of $name what the server says", (sender) => {
  const text = described.find((one) => one.includes(`name: "${sender.name}"`)) ?? "";
  const secret = text.includes("SecretFrom::Us") ? "ours" : text.includes("SecretFrom::Published") ? "published" : text.includes("SecretFrom::Nobody") ? "none" : "theirs";
  expect(sender.secret).toBe(secret);
  expect(sender.secretAddress).toBe(text.includes("secret_address: true"));
  expect(sender.hub).toBe(text.includes("hub_verifies: true"));
  expect(sender.handshake !== null).toBe(text.includes("handshakes:") || sender.hub);
});

it("finds the places in a step", () => {
  expect(stepPieces("URL: {address}. Secret: {secret}")).toEqual([
    { text: "URL: ", place: null },
    { text: "{address}", place: "address" },
    { text: ". Secret: ", place: null },
    { text: "{secret}", place: "secret" },
  ]);
  expect(stepPieces("{address}")).toEqual([{ text: "{address}", place: "address" }]);
});
