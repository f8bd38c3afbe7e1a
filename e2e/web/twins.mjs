// node twins.mjs URL STATION: the same phrase sung by the page and by the server, note by note.
import { open, say } from "./chromium.mjs";

const [url, station] = process.argv.slice(2);
const { browser, page } = await open(`${url}/radio/${station}`);
await page.waitForFunction(() => window.mainspring?.state().shown.length > 0);

const found = await page.evaluate(async (station) => {
  const { phrases } = await (await fetch(`/radio/${station}/state`)).json();
  const phrase = phrases.at(-1);
  const theirs = await window.mainspring.renderOffline(phrase);
  const length = Math.ceil(theirs.duration_s) + 2;
  const from = phrase.at_ms;
  const file = await (await fetch(`/radio/${station}/recording.wav?from=${from}&to=${from + length * 1000}`)).arrayBuffer();
  const pcm = new Int16Array(file, 44);
  const ours = Float32Array.from({ length: pcm.length / 2 }, (_, i) => (pcm[2 * i] + pcm[2 * i + 1]) / 65536);

  // Power at a pitch under a Hann window; nothing of the page's own.
  const power = (samples, rate, hz, from_s, to_s) => {
    const [from, to] = [Math.round(from_s * rate), Math.min(samples.length, Math.round(to_s * rate))];
    const twice = 2 * Math.cos((2 * Math.PI * hz) / rate);
    let [one, two, weight] = [0, 0, 0];
    for (let i = from; i < to; i++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i - from)) / (to - from - 1));
      [two, one] = [one, samples[i] * hann + twice * one - two];
      weight += hann;
    }
    return (2 * (one * one + two * two - twice * one * two)) / (weight * weight);
  };
  const notes = [...phrase.melody, ...phrase.chords.flatMap((chord) => chord.notes.map((note) => ({ ...chord, ...note })))];
  const amplitudes = (samples, rate, shift) =>
    notes.map((note) => Math.sqrt(power(samples, rate, note.hz, note.at_s + shift, note.at_s + shift + Math.max(0.15, note.duration_s))));
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const page = amplitudes(theirs.samples, theirs.sampleRate, 0);
  // Where the phrase begins in the recording is the server's business: some tenths of a second after it came.
  let best = { likeness: 0, shift: 0, server: [] };
  for (let shift = 0; shift < 1; shift += 0.01) {
    const server = amplitudes(ours, 48_000, shift);
    const likeness = dot(page, server) / Math.sqrt(dot(page, page) * dot(server, server));
    if (likeness > best.likeness) best = { likeness, shift, server };
  }
  const decibels = (a, b) => 10 * Math.log10(dot(a, a) / dot(b, b));
  return { notes: notes.length, likeness: best.likeness, shift: best.shift, louder_db: decibels(best.server, page) };
}, station);
say({ type: "twins", ...found });
await browser.close();
