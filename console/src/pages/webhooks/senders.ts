// The senders that the server knows, for whoever sets one up: what to paste where. A test holds the facts against the
// server's own descriptions.

export interface KnownSender {
  name: string;
  label: string;
  /** Who makes the secret: we, or the sender; or its public key is published; or there is none. */
  secret: "ours" | "theirs" | "published" | "none";
  /** What the sender calls it. */
  secretName: string;
  /** Its address always holds a secret token. */
  secretAddress: boolean;
  /** Its hub is asked for topics, and asks back. */
  hub: boolean;
  /** Only the sender can sign, so nobody can try it out from here. */
  signsAlone: boolean;
  /** What to do at the sender. `{address}` and `{secret}` stand for ours. */
  steps: string[];
  /** What it asks while it is set up, and what is answered by itself. */
  handshake: string | null;
}

const usual = { secretAddress: false, hub: false, signsAlone: false, handshake: null };

export const SENDERS: KnownSender[] = [
  {
    ...usual,
    name: "github",
    label: "GitHub",
    secret: "ours",
    secretName: "Secret",
    steps: [
      "In the repository (or the organization) open Settings, Webhooks, Add webhook.",
      "Payload URL: {address}. Content type: application/json.",
      "Secret: {secret}. Choose the events, or Send me everything.",
      "GitHub sends a ping at once: it is among the deliveries.",
    ],
  },
  {
    ...usual,
    name: "gitlab",
    label: "GitLab",
    secret: "ours",
    secretName: "Signing token (or secret token)",
    steps: [
      "In the project open Settings, Webhooks, Add new webhook.",
      "URL: {address}. Signing token: {secret}; where there is none yet, Secret token takes it too.",
      "Choose the triggers, add the webhook, then Test.",
    ],
  },
  {
    ...usual,
    name: "stripe",
    label: "Stripe",
    secret: "theirs",
    secretName: "Signing secret (whsec_…)",
    steps: ["In the Dashboard open Developers, Webhooks, Add destination.", "Endpoint URL: {address}. Choose the events.", "The signing secret that Stripe shows is the secret here."],
  },
  {
    ...usual,
    name: "slack",
    label: "Slack",
    secret: "theirs",
    secretName: "Signing Secret",
    steps: [
      "On the app's page, Basic Information shows the Signing Secret: it is the secret here.",
      "Event Subscriptions: turn them on and give {address} as the Request URL.",
      "Slash commands and interactivity take the same address.",
    ],
    handshake: "Slack asks with a challenge (url_verification) as soon as the URL is typed. It is answered by itself, once the secret is here.",
  },
  {
    ...usual,
    name: "discord",
    label: "Discord interactions",
    secret: "theirs",
    secretName: "Public Key",
    signsAlone: true,
    steps: ["On the application's page, General Information shows the Public Key: it is the secret here.", "Interactions Endpoint URL: {address}."],
    handshake: "Discord sends pings, and wrong signatures on purpose, when the URL is saved. Both are answered by themselves, once the key is here.",
  },
  {
    ...usual,
    name: "discord-events",
    label: "Discord webhook events",
    secret: "theirs",
    secretName: "Public Key",
    signsAlone: true,
    steps: ["On the application's page, General Information shows the Public Key: it is the secret here.", "Webhooks: give {address} as the Endpoint URL and choose the events."],
    handshake: "Discord sends a ping when the URL is saved. It is answered by itself, once the key is here.",
  },
  {
    ...usual,
    name: "twitch",
    label: "Twitch EventSub",
    secret: "ours",
    secretName: "transport.secret",
    steps: ["Create each subscription through Twitch's API with transport.method webhook.", "transport.callback: {address}, by https on port 443. transport.secret: {secret}."],
    handshake: "Twitch asks with a challenge for each subscription. It is answered by itself.",
  },
  {
    ...usual,
    name: "kick",
    label: "Kick",
    secret: "published",
    secretName: "Kick's public key",
    secretAddress: true,
    signsAlone: true,
    steps: ["In Kick's settings open Developer, your app, and enable webhooks.", "Webhook URL: {address}. It holds a token: Kick signs for every app with one key, so the address is a secret too."],
  },
  {
    ...usual,
    name: "youtube",
    label: "YouTube (WebSub)",
    secret: "ours",
    secretName: "hub.secret",
    hub: true,
    steps: ["Say below which feed is asked for: only that is confirmed.", "Then ask the hub, with the command that stands there. It asks back by GET, and that is answered by itself."],
    handshake: "The hub asks by GET whether a subscription was meant. It is confirmed only for topics that were asked for here.",
  },
  {
    ...usual,
    name: "shopify",
    label: "Shopify",
    secret: "theirs",
    secretName: "Client secret of the app",
    steps: ["Give {address} as the HTTPS endpoint of the app's webhook subscriptions.", "The secret here is the client secret of the app, from its API credentials."],
  },
  {
    ...usual,
    name: "linear",
    label: "Linear",
    secret: "theirs",
    secretName: "Signing secret",
    steps: ["In Linear open Settings, API, New webhook.", "URL: {address}. Choose the teams and the kinds of data.", "The signing secret that Linear shows is the secret here."],
  },
  {
    ...usual,
    name: "railway",
    label: "Railway",
    secret: "none",
    secretName: "",
    secretAddress: true,
    steps: ["In the project open Settings, Webhooks.", "Endpoint: {address}. Railway signs nothing: whoever knows this address can say anything."],
  },
  {
    ...usual,
    name: "svix",
    label: "Svix",
    secret: "theirs",
    secretName: "Signing secret (whsec_…)",
    steps: ["In the sender's Svix portal add an endpoint with {address}.", "The endpoint's signing secret is the secret here."],
  },
  {
    ...usual,
    name: "standard",
    label: "Standard Webhooks",
    secret: "theirs",
    secretName: "Signing secret (whsec_…) or public key (whpk_…)",
    steps: ["Give the sender {address} as the address of an endpoint.", "The signing secret that it shows is the secret here."],
  },
  {
    ...usual,
    name: "generic",
    label: "Another sender",
    secret: "ours",
    secretName: "Secret",
    steps: ["Give the sender {address}, and {secret} as its secret.", "How it signs is said in the settings: an HMAC over the body in x-signature-256, unless said otherwise."],
  },
];

export function senderOf(name: string): KnownSender | undefined {
  return SENDERS.find((one) => one.name === name);
}

/** A step around what is to be pasted: plain words, and the places of the address and the secret. */
export function stepPieces(step: string): { text: string; place: "address" | "secret" | null }[] {
  return step
    .split(/(\{(?:address|secret)\})/)
    .filter((text) => text !== "")
    .map((text) => (text === "{address}" ? { text, place: "address" } : text === "{secret}" ? { text, place: "secret" } : { text, place: null }));
}
