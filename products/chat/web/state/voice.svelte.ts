// A voice note: what the microphone hears, for two minutes at most.

export const MOST_MS = 120_000;
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
/** Bars of the level that are shown. */
const BARS = 32;

export class Voice {
  on = $state(false);
  ms = $state(0);
  levels = $state.raw<number[]>([]);
  why = $state("");
  #recorder: MediaRecorder | undefined;
  #parts: Blob[] = [];
  #began = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sound: AudioContext | undefined;
  #full: () => void = () => {};
  /** Counts beginnings and ends: who waited for a microphone meanwhile is too late. */
  #turn = 0;
  #asks = false;

  static get possible(): boolean {
    return typeof MediaRecorder !== "undefined" && !!navigator.mediaDevices?.getUserMedia;
  }

  /** `full` is called when the two minutes are over. */
  async begin(full: () => void): Promise<void> {
    if (this.on || this.#asks) return;
    this.why = "";
    this.#full = full;
    this.#turn += 1;
    const turn = this.#turn;
    this.#asks = true;
    let stream: MediaStream | undefined;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (turn !== this.#turn) return silence(stream);
      this.#record(stream);
      this.on = true;
    } catch (failure) {
      if (stream) silence(stream);
      if (turn !== this.#turn) return;
      this.#quit();
      const denied = failure instanceof DOMException && failure.name === "NotAllowedError";
      this.why = denied ? "The browser may not use the microphone. Allow it for this address, then try again." : "No microphone was found. Connect one, then try again.";
    } finally {
      if (turn === this.#turn) this.#asks = false;
    }
  }

  #record(stream: MediaStream): void {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(stream, { ...(mimeType ? { mimeType } : {}), audioBitsPerSecond: 32_000 });
    // Of an earlier one nothing gets into this one.
    const parts: Blob[] = [];
    this.#parts = parts;
    this.#recorder = recorder;
    recorder.ondataavailable = ({ data }) => data.size > 0 && parts.push(data);
    recorder.start(1000);
    this.#watch(stream);
  }

  #watch(stream: MediaStream): void {
    this.#began = Date.now();
    this.ms = 0;
    this.levels = [];
    this.#sound = new AudioContext();
    const analyser = this.#sound.createAnalyser();
    this.#sound.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      this.ms = Date.now() - this.#began;
      analyser.getFloatTimeDomainData(samples);
      const loud = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      this.levels = [...this.levels, Math.min(1, loud * 5)].slice(-BARS);
      if (this.ms >= MOST_MS) this.#full();
    }, 100);
  }

  /** What was heard, or nothing when it was too short to be meant. */
  async end(): Promise<{ blob: Blob; name: string; ms: number } | null> {
    const recorder = this.#recorder;
    if (!recorder || !this.on) return null;
    const ms = Math.min(MOST_MS, Date.now() - this.#began);
    const parts = this.#parts;
    // One that stopped by itself, its microphone being gone, says so no more.
    const over = recorder.state === "inactive";
    const stopped = over ? Promise.resolve() : new Promise<void>((done) => recorder.addEventListener("stop", () => done(), { once: true }));
    this.#quit();
    await stopped;
    if (ms < 400) return null;
    const type = recorder.mimeType.split(";")[0] || "audio/webm";
    const ending = type.endsWith("mp4") ? "m4a" : (type.split("/")[1] ?? "webm");
    return { blob: new Blob(parts, { type }), name: `voice.${ending}`, ms };
  }

  cancel(): void {
    this.#quit();
    this.#parts = [];
  }

  #quit(): void {
    this.#turn += 1;
    [this.on, this.#asks] = [false, false];
    clearInterval(this.#timer);
    void this.#sound?.close();
    this.#sound = undefined;
    const recorder = this.#recorder;
    this.#recorder = undefined;
    if (!recorder) return;
    if (recorder.state !== "inactive") recorder.stop();
    silence(recorder.stream);
  }
}

/** The sign of the browser that something listens goes out. */
function silence(stream: MediaStream): void {
  stream.getTracks().forEach((track) => track.stop());
}

/** "0:07". */
export function minutes(ms: number): string {
  const s = Math.floor(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
