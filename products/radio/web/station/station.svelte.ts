/**
 * A station as the page knows it: the recent past by HTTP, the present from the channel. The past is shown, only the
 * present sounds.
 */
import { ApiError, get, post, problemOf } from "@console/shared/api";
import { follow, onLiveState, type LiveState } from "@console/shared/live";
import { channelOf, stationPath } from "../names";
import { readPhrase, type Mood, type Phrase } from "../phrase";
import { mergeRecent } from "../player/admit";
import type { Day } from "../player/lapse";
import { skewFrom } from "./clock";

export interface Test { event: string; label: string; mood: Mood }

const RECENT_MAX = 50;
/** Listeners and commits of the last hour change without a phrase; asking also heals whatever was missed. */
const REFRESH_MS = 60_000;
const RETRY_MS = 5_000;

interface StateAnswer {
  name?: string;
  latest: number;
  phrases: unknown[];
  commits_last_hour?: number;
  bpm?: number;
  listeners?: number;
  description?: string;
  private?: boolean;
  channel_token?: string;
}

export class Station {
  name = $state("");
  connection = $state<LiveState>("connecting");
  /** Newest first. */
  recent = $state.raw<Phrase[]>([]);
  loaded = $state(false);
  problem = $state<string | null>(null);
  /** Set when the server refuses the channel: then nothing live will come. */
  refused = $state<string | null>(null);
  commitsLastHour = $state<number | null>(null);
  bpm = $state<number | null>(null);
  listeners = $state<number | null>(null);
  description = $state("");
  private = $state(false);
  tests = $state.raw<Test[]>([]);
  /** The highest number known, shown or not. */
  latest = $state(0);

  readonly path: string;
  #token: string | undefined;
  #stopChannel = (): void => {};
  #stopped = false;
  #skewMs = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** Called with each phrase of the channel, in order, before it is shown. */
  arrived: (phrase: Phrase) => void = () => {};
  /** Called when the station's numbers begin again. */
  began: () => void = () => {};

  constructor(name: string) {
    this.name = name;
    this.path = stationPath(name);
  }

  get serverNowMs(): number {
    return Date.now() + this.#skewMs;
  }

  /** Goes on the air; answers how to leave. */
  start(): () => void {
    void this.#readTests();
    const stopState = onLiveState((state) => (this.connection = state));
    // The first answer says whether the channel asks for a token.
    void this.refresh().then(() => this.#follow());
    const timer = setInterval(() => !document.hidden && void this.refresh(), REFRESH_MS);
    return () => {
      this.#stopped = true;
      clearInterval(timer);
      clearTimeout(this.#retry);
      this.#stopChannel();
      stopState();
    };
  }

  #follow(): void {
    if (this.#stopped) return;
    this.#stopChannel = follow<unknown>(channelOf(this.name), {
      token: this.#token,
      publication: (data) => this.#receive(data),
      // Read again at each (re)subscription: between the first answer and this moment something may have happened,
      // and after a gap the client has told us that it cannot know.
      subscribed: () => {
        this.refused = null;
        void this.refresh();
      },
      refused: (why) => (this.refused = why),
    });
  }

  /** Shows a listener token to the station; the browser keeps it in a cookie. Throws what the server says against it. */
  async enter(token: string): Promise<void> {
    await post(`${this.path}/session`, { token });
  }

  /** The last day for a time-lapse. */
  async day(): Promise<Day> {
    const day = await get<{ from_ms: number; to_ms: number; total: number; phrases: unknown[] }>(`${this.path}/day`);
    return { ...day, phrases: day.phrases.map(readPhrase).filter((phrase): phrase is Phrase => phrase !== null) };
  }

  /** The recent past, anew. It never sounds. */
  async refresh(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      const answer = await this.#ask();
      if (answer === null) {
        this.loaded = true;
        return;
      }
      if (answer.latest < this.latest) {
        this.recent = [];
        this.began();
      }
      this.latest = answer.latest;
      this.name = answer.name || this.name;
      this.commitsLastHour = answer.commits_last_hour ?? null;
      this.bpm = answer.bpm ?? null;
      this.listeners = answer.listeners ?? null;
      this.description = answer.description ?? "";
      this.private = answer.private ?? false;
      this.#token = answer.channel_token;
      this.#show(answer.phrases.map(readPhrase).filter((phrase): phrase is Phrase => phrase !== null));
      this.loaded = true;
      this.problem = null;
    } catch (failure) {
      this.problem = failure instanceof ApiError ? `${failure.detail} ${failure.advice}` : "The server cannot be reached.";
      this.#retry = setTimeout(() => void this.refresh(), RETRY_MS);
    }
  }

  /** A phrase of this station made from a test event: nobody else hears of it. */
  async test(event: string): Promise<Phrase> {
    const phrase = readPhrase(await get<unknown>(`${this.path}/test`, { event }));
    if (phrase === null) throw new Error("The test phrase is of a version that this page does not know.");
    return phrase;
  }

  /** Null for a station that has never played anything. */
  async #ask(): Promise<StateAnswer | null> {
    const sent = Date.now();
    // Our own fetch and not `get`: the Date header is needed too.
    const response = await fetch(`${this.path}/state`, { headers: { Accept: "application/json" } });
    this.#skewMs = skewFrom(response.headers.get("date"), sent, Date.now());
    if (response.status === 404) return null;
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    const answer = JSON.parse(text) as StateAnswer;
    return { ...answer, phrases: Array.isArray(answer.phrases) ? answer.phrases : [], latest: Number(answer.latest) || 0 };
  }

  async #readTests(): Promise<void> {
    try {
      this.tests = (await get<{ tests: Test[] }>("/radio/events.json")).tests;
    } catch {
      // Without the list there is no test menu; everything else works.
      this.tests = [];
    }
  }

  #receive(data: unknown): void {
    const phrase = readPhrase(data);
    if (phrase === null) return;
    const missed = this.loaded && phrase.n > this.latest + 1;
    this.latest = Math.max(this.latest, phrase.n);
    this.commitsLastHour = phrase.tempo.commits_last_hour;
    this.bpm = phrase.tempo.bpm;
    this.arrived(phrase);
    this.#show([phrase]);
    // Numbers are dense, so a hole is a phrase that we should show.
    if (missed) void this.refresh();
  }

  #show(phrases: Phrase[]): void {
    this.recent = mergeRecent(this.recent, phrases, RECENT_MAX);
  }
}
