/**
 * On the air: takes phrases as they arrive and lets them sound, each from a beat of what sounds already. Phrases
 * overlap and never cut one another; only the listener's own pause ends one early, in a short fade.
 */
import sound from "../../sound.json";
import type { Phrase } from "../phrase";
import { Admission, isHistory } from "./admit";
import { Ambience, tonicHz } from "./ambience";
import { nextStart } from "./beat";
import { createMaster, type Master } from "./master";
import { prepare, renderPhrase, type Sound } from "./synth";

/** Why a phrase that arrived does or does not sound. */
export type Verdict = "sounds" | "history" | "duplicate" | "not listening" | "crowded";

export interface OnAir {
  phrase: Phrase;
  sound: Sound;
}

export interface Played {
  n: number;
  id: string;
  /** When it began to sound, Unix milliseconds. */
  at: number;
}

/** More than this at once is no longer music, and too much work for a phone. */
const SOUNDING_MAX = sound.air.sounding_max;
const PLAYED_MAX = 200;
const PAUSE_FADE_S = 0.25;
const SUSPEND_AFTER_MS = 450;

export class Air {
  /** Called whenever what `listening`, `sounding` or `volume` answer may have changed. */
  changed: () => void = () => {};
  /** Called when a phrase is scheduled, with its start on the performance clock. */
  scheduled: (phrase: Phrase, startsAtMs: number) => void = () => {};

  readonly played: Played[] = [];
  #ctx: AudioContext | null = null;
  #master: Master | null = null;
  #ambience: Ambience | null = null;
  #onAir: OnAir[] = [];
  #admission = new Admission();
  #listening = false;
  #volume = 0.8;
  #muted = false;
  #ambient = false;
  #key = "C";
  #samples = new Float32Array(0);
  #suspend: ReturnType<typeof setTimeout> | undefined;

  get listening(): boolean { return this.#listening; }
  get volume(): number { return this.#volume; }
  get muted(): boolean { return this.#muted; }
  get ambient(): boolean { return this.#ambient; }
  get contextState(): string { return this.#ctx?.state ?? "none"; }

  /** Opens the sound. Browsers allow it only in answer to a click or a key. */
  async listen(): Promise<void> {
    clearTimeout(this.#suspend);
    const ctx = this.#ctx ?? this.#open();
    await ctx.resume();
    this.#listening = true;
    this.#ambience?.set(this.#ambient, ctx.currentTime);
    this.changed();
  }

  /** What sounds fades out; what arrives from now on is not heard later either. */
  pause(): void {
    const ctx = this.#ctx;
    this.#listening = false;
    for (const { sound } of this.#onAir) sound.fade(PAUSE_FADE_S);
    this.#onAir = [];
    if (ctx) {
      this.#ambience?.set(false, ctx.currentTime);
      clearTimeout(this.#suspend);
      this.#suspend = setTimeout(() => void ctx.suspend(), SUSPEND_AFTER_MS);
    }
    this.changed();
  }

  /** What sounds fades out; listening goes on. */
  hush(): void {
    for (const { sound } of this.#onAir) sound.fade(PAUSE_FADE_S);
    this.#onAir = [];
    this.changed();
  }

  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#muted = false;
    this.#applyVolume();
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#applyVolume();
  }

  setAmbient(on: boolean): void {
    this.#ambient = on;
    if (this.#ctx && this.#listening) this.#ambience?.set(on, this.#ctx.currentTime);
    this.changed();
  }

  /** A phrase from the channel. `serverNowMs` is the present on the server's clock, which made `at_ms`. */
  arrive(phrase: Phrase, serverNowMs: number): Verdict {
    if (!this.#admission.admit(phrase.n)) return "duplicate";
    if (isHistory(phrase, serverNowMs)) return "history";
    if (!this.#listening) return "not listening";
    return this.#start(phrase);
  }

  /** A phrase that the listener asked for: a test or a replay. It sounds here only, however old it is. */
  async play(phrase: Phrase): Promise<Verdict> {
    if (!this.#listening) await this.listen();
    return this.#start(phrase);
  }

  /** The station's numbers begin again. */
  forget(): void {
    this.#admission.reset();
  }

  /** What sounds or waits for its beat, tails included, oldest first. */
  sounding(): OnAir[] {
    const now = this.now;
    this.#onAir = this.#onAir.filter(({ sound }) => sound.ends_at > now);
    return this.#onAir;
  }

  /** Seconds on the audio clock. */
  get now(): number { return this.#ctx?.currentTime ?? 0; }

  /** Loudness of this moment as the listener hears it: the root mean square, 0 to 1. */
  level(): number {
    const analyser = this.#master?.analyser;
    if (!analyser || !this.#listening) return 0;
    if (this.#samples.length !== analyser.fftSize) this.#samples = new Float32Array(analyser.fftSize);
    const samples = this.#samples as Float32Array<ArrayBuffer>;
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    return Math.sqrt(sum / samples.length);
  }

  #open(): AudioContext {
    const ctx = new AudioContext({ latencyHint: "balanced" });
    this.#ctx = ctx;
    this.#master = createMaster(ctx, ctx.destination);
    this.#ambience = new Ambience(ctx, this.#master.input);
    this.#ambience.follow(tonicHz(this.#key), 0);
    this.#applyVolume();
    ctx.onstatechange = () => {
      // A phone call or the system took the sound away: say so, and let the next click bring it back.
      if (this.#listening && ctx.state !== "running") {
        this.#listening = false;
        this.#onAir = [];
      }
      this.changed();
    };
    return ctx;
  }

  #start(phrase: Phrase): Verdict {
    const [ctx, master] = [this.#ctx, this.#master];
    if (!ctx || !master) return "not listening";
    if (this.sounding().length >= SOUNDING_MAX) return "crowded";
    prepare(ctx, phrase);
    const grid = this.#onAir.map((one) => ({
      starts_at: one.sound.starts_at,
      music_ends_at: one.sound.music_ends_at,
      beat_s: 60 / one.phrase.tempo.bpm,
    }));
    const startTime = nextStart(ctx.currentTime, grid);
    if (startTime === null) return "crowded";

    const sound = renderPhrase(ctx, master.input, phrase, startTime);
    this.#onAir.push({ phrase, sound });
    this.#key = phrase.key;
    this.#ambience?.follow(tonicHz(phrase.key), startTime);

    const inMs = (seconds: number) => Math.max(0, (seconds - ctx.currentTime) * 1000);
    this.played.push({ n: phrase.n, id: phrase.id, at: Date.now() + inMs(startTime) });
    if (this.played.length > PLAYED_MAX) this.played.shift();
    // What leaves the graph now is heard one output latency later; the eye should not be ahead of the ear.
    this.scheduled(phrase, performance.now() + inMs(startTime) + (ctx.outputLatency || 0) * 1000);
    for (const moment of [sound.starts_at, sound.music_ends_at, sound.ends_at]) {
      setTimeout(() => this.changed(), inMs(moment) + 20);
    }
    this.changed();
    return "sounds";
  }

  #applyVolume(): void {
    this.#master?.setVolume(this.#muted ? 0 : this.#volume);
    this.changed();
  }
}
