// Channels over one connection, by the official Centrifuge client: it comes back by itself with back-off, gets another token before
// one ends, and is given what it missed on channels that have a history.

import { Centrifuge, type PublicationContext, type State, type SubscribedContext, type Subscription, type TransportEndpoint, UnauthorizedError } from "centrifuge";

import { ProblemError } from "./problem.js";

export interface RealtimeOptions {
  /** A WebSocket for environments without one (`ws` in Node 20); without any, the connection goes over an HTTP stream. */
  websocket?: unknown;
  /** Reconnects after between these, milliseconds. */
  minReconnectDelay?: number;
  maxReconnectDelay?: number;
}

/** Where a reader stands in a channel with a history. */
export interface Position {
  offset: number;
  epoch: string;
}

/** What a channel tells whoever follows it. */
export interface Follower<T> {
  /** Each publication, in order; with its offset on a channel that has a history. */
  publication(data: T, offset: number | undefined): void;
  /** The channel is ours (again). After a gap something was missed that is not coming: read the state anew. */
  subscribed?(gap: boolean, position: Position | undefined): void;
  /** The server lets us in no longer, or never did. */
  refused?(reason: string, code: number): void;
}

export interface ChannelOptions {
  /** On a channel with a history: what came after this, instead of from now on. */
  since?: Position;
  /** What opens a guarded channel. */
  token?: string;
}

type NameIn<Channels> = `${Extract<keyof Channels, string>}:${string}`;
/** What a channel carries: its namespace, before the colon, says so. */
export type DataOf<Channels, Name extends string> = Name extends `${infer Namespace}:${string}`
  ? Namespace extends keyof Channels
    ? Channels[Namespace]
    : unknown
  : unknown;

/** Publications that wait for whoever reads a channel in a loop. Beyond, the reader is told that it fell behind. */
const WAITING = 1_000;

export class Realtime<Channels extends object> {
  /** The client underneath, for what is not said here. */
  readonly centrifuge: Centrifuge;
  readonly #followers = new Map<Subscription, number>();

  constructor(url: string, token: (() => Promise<string>) | undefined, options: RealtimeOptions) {
    const ws = url.replace(/^http/, "ws");
    const endpoints: TransportEndpoint[] = [
      { transport: "websocket", endpoint: `${ws}/connection/websocket` },
      { transport: "http_stream", endpoint: `${url}/connection/http_stream` },
    ];
    // A test of centrifuge itself for WebSocket is for a global one.
    const usable = options.websocket || typeof WebSocket !== "undefined" ? endpoints : endpoints.slice(1);
    this.centrifuge = new Centrifuge(usable, {
      emulationEndpoint: `${url}/emulation`,
      minReconnectDelay: options.minReconnectDelay ?? 300,
      maxReconnectDelay: options.maxReconnectDelay ?? 8_000,
      ...(options.websocket ? { websocket: options.websocket } : {}),
      ...(token ? { getToken: () => ours(token) } : {}),
    });
  }

  /** A channel. Nothing is asked of the server before somebody follows it. */
  channel<Name extends NameIn<Channels>>(name: Name, options: ChannelOptions = {}): Channel<DataOf<Channels, Name>> {
    return new Channel(name, options, this.centrifuge, this.#followers);
  }

  /** Calls back with the state of the connection now and at each change; answers how to stop. */
  onState(changed: (state: State) => void): () => void {
    const tell = ({ newState }: { newState: State }): void => changed(newState);
    this.centrifuge.on("state", tell);
    changed(this.centrifuge.state);
    return () => this.centrifuge.off("state", tell);
  }

  /** Ends the connection and every channel. */
  close(): void {
    this.centrifuge.disconnect();
  }
}

/** A channel by its name; several may follow one, and it is subscribed once. */
export class Channel<T> {
  constructor(
    readonly name: string,
    private readonly options: ChannelOptions,
    private readonly centrifuge: Centrifuge,
    private readonly followers: Map<Subscription, number>,
  ) {}

  /** Listens until the answered function is called. */
  follow(follower: Follower<T>): () => void {
    const { since, token } = this.options;
    const subscription =
      this.centrifuge.getSubscription(this.name) ??
      this.centrifuge.newSubscription(this.name, { ...(since ? { since } : {}), ...(token ? { token } : {}) });
    const publication = ({ data, offset }: PublicationContext): void => follower.publication(data as T, offset);
    const subscribed = ({ wasRecovering, recovered, streamPosition }: SubscribedContext): void =>
      follower.subscribed?.(wasRecovering && !recovered, streamPosition);
    // Code 0 is our own leaving.
    const unsubscribed = ({ code, reason }: { code: number; reason: string }): void => {
      if (code !== 0) follower.refused?.(reason, code);
    };
    subscription.on("publication", publication).on("subscribed", subscribed).on("unsubscribed", unsubscribed);
    this.followers.set(subscription, (this.followers.get(subscription) ?? 0) + 1);
    this.centrifuge.connect();
    subscription.subscribe();
    let follows = true;
    return () => {
      if (!follows) return;
      follows = false;
      subscription.off("publication", publication).off("subscribed", subscribed).off("unsubscribed", unsubscribed);
      const left = (this.followers.get(subscription) ?? 1) - 1;
      if (left > 0) return void this.followers.set(subscription, left);
      this.followers.delete(subscription);
      this.centrifuge.removeSubscription(subscription);
    };
  }

  /** Publishes, where the channel lets its subscribers; the server's refusal is thrown. */
  async publish(data: T): Promise<void> {
    this.centrifuge.connect();
    await this.centrifuge.publish(this.name, data);
  }

  /** The publications, in a loop that ends by `break`, by the signal, or by what is thrown: a refusal, a gap, or having fallen behind. */
  async *messages(signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
    const waiting: T[] = [];
    let failure: Error | undefined;
    let wake: () => void = () => {};
    const fail = (words: string): void => {
      failure ??= new Error(`${this.name}: ${words}`);
      wake();
    };
    const stop = this.follow({
      publication: (data) => {
        if (waiting.length >= WAITING) return fail("the reader fell behind");
        waiting.push(data);
        wake();
      },
      subscribed: (gap) => gap && fail("something was missed that cannot be had any more"),
      refused: (reason) => fail(reason),
    });
    const aborted = (): void => wake();
    signal?.addEventListener("abort", aborted);
    try {
      for (;;) {
        while (waiting.length > 0 && !signal?.aborted) yield waiting.shift() as T;
        if (signal?.aborted) return;
        if (failure) throw failure;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", aborted);
      stop();
    }
  }
}

/** A token, or that there is none to be had: then the client does not ask again. */
async function ours(token: () => Promise<string>): Promise<string> {
  try {
    return await token();
  } catch (failure) {
    if (failure instanceof ProblemError && [401, 403].includes(failure.status)) throw new UnauthorizedError(failure.detail);
    throw failure;
  }
}
