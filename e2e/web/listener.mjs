// node listener.mjs ADDRESS CHANNEL [OFFSET EPOCH]: what a browser has by itself listens to a channel, one way: an EventSource, a fetch and
// a WebSocket, each from that position on. ADDRESS is host:port.
import { EventSource } from "eventsource";
import WebSocket from "ws";

const [address, channel, offset, epoch] = process.argv.slice(2);
const position = epoch ? { recover: true, offset: Number(offset), epoch } : {};
const begins = JSON.stringify({ subs: { [channel]: position } });
const hear = (by) => (text) => console.log(JSON.stringify({ by, push: JSON.parse(text) }));

const events = new EventSource(`http://${address}/connection/uni_sse?cf_connect=${encodeURIComponent(begins)}`);
events.onmessage = ({ data }) => hear("events")(data);

const socket = new WebSocket(`ws://${address}/connection/uni_websocket`);
socket.onopen = () => socket.send(begins);
socket.onmessage = ({ data }) => hear("socket")(data);
socket.onclose = ({ code }) => console.log(JSON.stringify({ by: "socket", closed: code }));

const answer = await fetch(`http://${address}/connection/uni_http_stream`, { method: "POST", body: begins });
let text = "";
for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
  const lines = (text + piece).split("\n");
  text = lines.pop();
  lines.forEach(hear("lines"));
}
