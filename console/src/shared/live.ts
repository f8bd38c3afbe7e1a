// One realtime connection for the page, by the official Centrifuge client: it reconnects by itself with back-off, and
// channels with history are recovered by offset and epoch. The session cookie says who we are; no token is needed.

import { Centrifuge, State, type PublicationContext, type SubscribedContext, type Subscription } from "centrifuge";

export type LiveState = "connecting" | "live" | "reconnecting" | "closed";

export interface Follow<T> {
  /** Each publication, in order. `offset` is set on channels with history. */
  publication: (data: T, offset: number | undefined) => void;
  /** The channel is ours (again). `gap` is true when messages were missed and not recovered: read the state anew. */
  subscribed?: (gap: boolean) => void;
  /** The server refused the channel for good; the text is for people. */
  refused?: (why: string) => void;
  /** On a channel with history: start after this position instead of at the present. */
  since?: { offset: number; epoch: string };
  /** What a guarded channel asks for. */
  token?: string | undefined;
}

let client: Centrifuge | undefined;
let wasLive = false;
let state: LiveState = "connecting";
const watchers = new Set<(state: LiveState) => void>();
const followers = new Map<Subscription, number>();

function address(): string {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/connection/websocket`;
}

function become(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const tell of watchers) tell(next);
}

/** The page's connection. The first call opens it; every later call answers the same one. */
export function live(): Centrifuge {
  if (client) return client;
  client = new Centrifuge(address(), { minReconnectDelay: 300, maxReconnectDelay: 8000 });
  client.on("state", (change) => {
    if (change.newState === State.Connected) {
      wasLive = true;
      become("live");
    } else if (change.newState === State.Connecting) {
      become(wasLive ? "reconnecting" : "connecting");
    } else {
      become("closed");
    }
  });
  client.on("error", () => {
    // A failed first attempt is "reconnecting" too: the person should see that we keep trying.
    if (state === "connecting") become("reconnecting");
  });
  client.connect();
  return client;
}

/** Calls back with the state of the connection now and at each change. Answers how to stop. */
export function onLiveState(changed: (state: LiveState) => void): () => void {
  watchers.add(changed);
  changed(state);
  return () => watchers.delete(changed);
}

/** Closes and opens the connection again, for a changed session (the server asks who we are only when we connect). */
export function reconnect(): void {
  client?.disconnect();
  client?.connect();
}

/** Listens on a channel until the answered function is called. Several may follow one channel; it is subscribed once. */
export function follow<T>(channel: string, on: Follow<T>): () => void {
  const connection = live();
  const subscription =
    connection.getSubscription(channel) ?? connection.newSubscription(channel, { ...(on.since ? { since: on.since } : {}), ...(on.token ? { token: on.token } : {}) });

  const publication = (context: PublicationContext): void => on.publication(context.data as T, context.offset);
  const subscribed = (context: SubscribedContext): void => on.subscribed?.(context.wasRecovering && !context.recovered);
  const refused = (context: { code: number; reason: string }): void => {
    // Code 0 is our own unsubscribe.
    if (context.code !== 0) on.refused?.(context.reason);
  };
  subscription.on("publication", publication);
  subscription.on("subscribed", subscribed);
  subscription.on("unsubscribed", refused);
  followers.set(subscription, (followers.get(subscription) ?? 0) + 1);
  subscription.subscribe();

  let stopped = false;
  return () => {
    if (stopped) return;
    stopped = true;
    subscription.off("publication", publication);
    subscription.off("subscribed", subscribed);
    subscription.off("unsubscribed", refused);
    const left = (followers.get(subscription) ?? 1) - 1;
    if (left > 0) {
      followers.set(subscription, left);
    } else {
      followers.delete(subscription);
      connection.removeSubscription(subscription);
    }
  };
}
