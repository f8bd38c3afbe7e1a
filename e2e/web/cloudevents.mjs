// node cloudevents.mjs URL TOKEN: publishes with the SDK of the CloudEvents project, in every mode, and reads back with it; then
// holds our AsyncAPI document against the schema that the AsyncAPI project publishes.
import { createRequire } from "node:module";
import Ajv from "ajv";
import { CloudEvent, HTTP } from "cloudevents";

const [url, token] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const authorization = `Bearer ${token}`;

const post = async ({ headers, body }) => {
  const response = await fetch(`${url}/api/v1/events`, { method: "POST", headers: { ...headers, authorization }, body });
  return { status: response.status, ...(await response.json()) };
};
const read = async (path, accept) => {
  const response = await fetch(`${url}${path}`, { headers: { accept, authorization } });
  return { headers: Object.fromEntries(response.headers), body: await response.text() };
};
const plain = (event) => {
  const { position, dataschema, traceparent, ...rest } = event.toJSON();
  return rest;
};
const event = (id, more = {}) => new CloudEvent({
  id, type: "github.ping", source: "https://sdk.example/js", subject: "Größe €", time: "2026-11-21T03:04:05.678Z",
  datacontenttype: "application/json", comexample: "x y", data: { zen: "Speak like a human", id }, ...more,
});

for (const [mode, encode] of [["structured", HTTP.structured], ["binary", HTTP.binary]]) {
  // This SDK does not encode what a header cannot hold, so in binary mode the subject is plain.
  const sent = event(mode, mode === "binary" ? { subject: "octocat/hello-world" } : {});
  const first = await post(encode(sent));
  const second = await post(encode(sent));
  const position = first.events?.[0].position;
  const [back] = [HTTP.toEvent(await read(`/api/v1/events/${position}`, "application/cloudevents+json"))].flat();
  say({
    type: "published", mode, statuses: [first.status, second.status], position: back.position === String(position),
    same: JSON.stringify(plain(back)) === JSON.stringify(plain(sent)), wrong: first.errors,
  });
}
const batch = [event("b1"), event("b2"), event("b3")];
const stored = await post({
  headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(batch),
});
const listed = HTTP.toEvent(await read("/api/v1/events?source=https://sdk.example/js&limit=3", "application/cloudevents-batch+json"));
say({ type: "batch", status: stored.status, ids: [listed].flat().map((one) => one.id) });

const require = createRequire(import.meta.url);
const schema = require("@asyncapi/specs/schemas/3.0.0-without-$id.json");
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const document = JSON.parse((await read("/api/v1/asyncapi.json", "application/json")).body);
const valid = ajv.validate(schema, document);
// A schema that takes everything would show nothing.
const refuses = !ajv.validate(schema, { ...document, channels: { broken: { address: 5 } } });
say({ type: "asyncapi", valid, refuses, errors: valid ? [] : ajv.errorsText(), messages: Object.keys(document.components.messages) });
