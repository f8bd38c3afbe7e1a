import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { examplePush, hubCurl, SECRET_UNKNOWN, sendCommand, shellSigning, shellWord, signedCurl, topicOf } from "./example.ts";

const BODY = examplePush("2026-11-21T03:33:12.345Z");

it("quotes for the shell", () => {
  expect(shellWord("plain-word_1.2")).toBe("plain-word_1.2");
  expect(shellWord("it's $HOME")).toBe(`'it'\\''s $HOME'`);
  expect(shellWord("")).toBe("''");
});

it("names the missing secret", () => {
  expect(signedCurl("http://127.0.0.1:8080/in/github", null, BODY)).toContain(`secret=${SECRET_UNKNOWN}`);
});

it("signs, when a shell runs it, exactly the bytes it sends", () => {
  const secret = "it's a $ecret";
  // Everything up to curl, which is replaced by printing what curl would be given.
  const script = signedCurl("http://127.0.0.1:8080/in/github", secret, BODY).replace(/curl [^]*$/, `printf '%s\\n%s' "$signature" "$body"`);
  const [signature, body] = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\n");
  expect(body).toBe(BODY);
  expect(signature).toBe(createHmac("sha256", secret).update(BODY).digest("hex"));
});

it("signs in a shell only what a shell can sign", () => {
  const settings = { body_bytes: null, rate_per_second: null, custom: null };
  const custom = { algorithm: "hmac-sha256", encoding: "hex", key: "text", header: "x-sig", prefix: "v1=", signed: "{body}", timestamp: null, id: null, event_type: null, subject: null, retries: true };
  expect(shellSigning({ sender: "stripe", settings })).toBeNull();
  expect(shellSigning({ sender: "generic", settings })?.header).toBe("x-signature-256");
  expect(shellSigning({ sender: "generic", settings: { ...settings, custom } })).toEqual({ header: "x-sig", prefix: "v1=", others: [] });
  expect(shellSigning({ sender: "generic", settings: { ...settings, custom: { ...custom, signed: "{x-time}.{body}" } } })).toBeNull();
  expect(shellSigning({ sender: "generic", settings: { ...settings, custom: { ...custom, prefix: "$(reboot)" } } })).toBeNull();
});

it("knows the program's own command", () => {
  expect(sendCommand({ name: "github", sender: "github" })).toBe("mainspring webhook send github --type push");
  expect(sendCommand({ name: "partner", sender: "generic" })).toBe("mainspring webhook send partner");
});

it("asks a hub for a topic", () => {
  const channel = "UC_x5XG1OV2P6uZZ5FSM9Ttw";
  expect(topicOf(` ${channel} `)).toBe(`https://www.youtube.com/xml/feeds/videos.xml?channel_id=${channel}`);
  expect(topicOf("https://example.org/feed")).toBe("https://example.org/feed");
  const command = hubCurl("https://hub.example/", topicOf(channel), "https://me.example/in/youtube", null);
  expect(command).toContain("'hub.topic=https://www.youtube.com/xml/feeds/videos.xml?channel_id=UC_x5XG1OV2P6uZZ5FSM9Ttw'");
  expect(command).toContain(`hub.secret=${SECRET_UNKNOWN}`);
  expect(hubCurl("h", "t", "a", "s", true)).not.toContain("hub.secret");
});
