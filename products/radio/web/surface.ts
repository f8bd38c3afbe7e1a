/**
 * The page's test surface, `window.mainspring`: what a browser test may rely on. It reads; it changes nothing.
 *
 *   state()                 what the page is doing (see `PageState`)
 *   renderOffline(phrase)   the phrase as the page would sound it, rendered faster than time: `sampleRate`, `samples`
 *                           (mean of both channels), `left`, `right`, `duration_s`, `peak`, `rms`, and
 *                           `energyAt(hz, from_s, to_s)`: the power (amplitude² / 2) of the sine at `hz`, seconds
 *                           counted from the start of the phrase. Call it inside the page: samples are long.
 */
import { readPhrase } from "./phrase";
import type { Air, Played } from "./player/air";
import { renderOffline, type Rendering } from "./player/offline";
import type { Station } from "./station/station.svelte";

export interface PageState {
  listening: boolean;
  /** Of the AudioContext: `running`, `suspended`, `closed`; `none` before the first gesture. */
  contextState: string;
  connection: string;
  /** What sounds or waits for its beat, tails included. Times are seconds on the audio clock, whose present is `now`. */
  sounding: { n: number; id: string; starts_at: number; ends_at: number }[];
  now: number;
  /** Everything that began to sound, oldest first, at most 200; `at` is Unix milliseconds. */
  played: Played[];
  /** Root mean square of what is heard at this moment, 0 to 1. */
  level: number;
  /** The highest phrase number known. */
  latest: number;
  /** The numbers of the shown phrases, newest first. */
  shown: number[];
}

export interface Surface {
  state(): PageState;
  renderOffline(phrase: unknown): Promise<Rendering>;
}

declare global {
  interface Window { mainspring?: Surface }
}

export function expose(air: Air, station: Station): void {
  window.mainspring = {
    state: () => ({
      listening: air.listening,
      contextState: air.contextState,
      connection: station.connection,
      sounding: air.sounding().map(({ phrase, sound }) => ({
        n: phrase.n, id: phrase.id, starts_at: sound.starts_at, ends_at: sound.ends_at,
      })),
      now: air.now,
      played: air.played.map((one) => ({ ...one })),
      level: air.level(),
      latest: station.latest,
      shown: station.recent.map((phrase) => phrase.n),
    }),
    renderOffline: async (value) => {
      const phrase = readPhrase(value);
      if (phrase === null) throw new Error("this is no phrase of version 1");
      return renderOffline(phrase);
    },
  };
}
