import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { examplePush, SECRET_UNKNOWN, shellWord, signedCurl } from "./example.ts";

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
