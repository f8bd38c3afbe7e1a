// node station.mjs URL STATION [PICTURE]: a person opens a station, listens, and hears a phrase.
import { open, say } from "./chromium.mjs";

const [url, station, picture] = process.argv.slice(2);
const { browser, page, complaints } = await open(`${url}/radio/${station}`);
const state = () => page.evaluate(() => window.mainspring.state());

await page.click("[data-testid=listen]");
await page.waitForFunction(() => {
  const { listening, contextState, connection } = window.mainspring.state();
  return listening && contextState === "running" && connection === "live";
});
say({ type: "listening" });

await page.waitForFunction(() => window.mainspring.state().played.length > 0, null, { timeout: 60_000 });
// The loudest moment of the phrase, looked for at every frame while it sounds.
const level = await page.evaluate(() => new Promise((resolve) => {
  let loudest = 0;
  const look = () => {
    const { level, sounding } = window.mainspring.state();
    loudest = Math.max(loudest, level);
    if (loudest > 0.01 || sounding.length === 0) resolve(loudest); else requestAnimationFrame(look);
  };
  look();
}));
const { played, latest, shown } = await state();
say({ type: "played", played, latest, shown, level });
if (picture) await page.screenshot({ path: picture });

// The same phrase faster than time: is there energy where the phrase says that notes are, and little at pitches it does not
// use? (The middle one of them: a cat's voice bends through some on its way to its note.)
const notes = await page.evaluate(async (path) => {
  const { phrases } = await (await fetch(path)).json();
  const phrase = phrases.at(-1);
  const rendering = await window.mainspring.renderOffline(phrase);
  const inScale = (midi) => phrase.melody.some((note) => (note.midi - midi) % 12 === 0);
  const at = (midi) => 440 * 2 ** ((midi - 69) / 12);
  return {
    peak: rendering.peak, rms: rendering.rms, phrase: { id: phrase.id, n: phrase.n, why: phrase.why.length },
    notes: phrase.melody.map((note) => {
      const [from, to] = [note.at_s, note.at_s + note.duration_s];
      const silent = [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5].map((step) => note.midi + step).filter((midi) => !inScale(midi));
      const beside = silent.map((midi) => rendering.energyAt(at(midi), from, to)).sort((a, b) => a - b);
      return {
        note: note.note, hz: note.hz, energy: rendering.energyAt(note.hz, from, to),
        beside: beside[Math.floor(beside.length / 2)],
      };
    }),
  };
}, `/radio/${station}/state`);
say({ type: "notes", ...notes });

const why = await page.locator("text=/./").count();
const text = await page.evaluate(() => document.body.innerText);
say({ type: "page", text, elements: why, complaints });
await browser.close();
