// A subscription of this browser to pushes, as the server wants it.

/** Where it is kept at the server. */
export const PUSH = "/api/v1/chat/push";
export const SESSION = "/api/v1/session";

/** Where windows and the worker tell each other that the subscription is another one, or none. */
export const TABS = "mainspring.chat.telling";

/** The subscription is the browser's, and its windows are many: one at a time changes it, or finds out what it is. */
export async function alone(deed: () => Promise<void>): Promise<void> {
  if ("locks" in navigator) await navigator.locks.request(TABS, deed);
  else await deed();
}

/** What `PushSubscription.toJSON` gives. */
export interface Given {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

export interface Held {
  given: Given;
  /** Who may push to it: the server's key, in base64url. Not every browser says. */
  key: string | null;
}

/** Bytes as base64url, without padding, and back. */
export const text = {
  of(bytes: ArrayBuffer): string {
    const signs = [...new Uint8Array(bytes)].map((byte) => String.fromCharCode(byte)).join("");
    return btoa(signs).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  },
  bytes(text: string): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
  },
};

/** What a browser made, without what the server does not know. */
export function given(subscription: PushSubscription): Held {
  const { endpoint, keys } = subscription.toJSON();
  const key = subscription.options?.applicationServerKey ?? null;
  return { given: { endpoint: endpoint ?? "", keys: { p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" } }, key: key && text.of(key) };
}
