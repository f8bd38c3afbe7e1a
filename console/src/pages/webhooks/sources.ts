// A source in words, and what its form holds. Everything here is pure.

import type { CustomSender, Source, SourceSettings } from "../../contract.ts";
import { bytes, count } from "../../shared/format.ts";
import type { Tone } from "../../ui/Chip.svelte";
import type { KnownSender } from "./senders.ts";

export interface Standing {
  word: string;
  tone: Tone;
  why: string;
}

/** One word for a source, and a sentence where one is needed. */
export function standing(source: Pick<Source, "enabled" | "secrets" | "trust" | "secret_from">, sender?: KnownSender): Standing {
  if (!source.enabled) return { word: "off", tone: "quiet", why: "It is switched off: its address answers 404, and deliveries are refused." };
  // A published key counts without being listed; a source of the environment has its secret there.
  const needsOne = sender?.secret !== "none" && sender?.secret !== "published" && source.secret_from !== "environment";
  if (needsOne && source.trust === null && !source.secrets.some((one) => one.active)) {
    return { word: "no secret", tone: "bad", why: "No secret of it counts any more: every delivery is refused. Give it a new one." };
  }
  if (source.trust === "low") {
    return {
      word: "low trust",
      tone: "warn",
      why: "Its deliveries are not signed: only the secret address says who sent them. Whoever knows it can say anything, so let nothing that matters hang on them alone.",
    };
  }
  return { word: "on", tone: "ok", why: "" };
}

/** Whether it can be changed here. */
export function isOurs(source: Pick<Source, "secret_from">): boolean {
  return source.secret_from !== "environment";
}

/** What its operator set, in words; empty when everything is as usual. */
export function policyWords(settings: SourceSettings): string {
  const parts = [
    ...(settings.body_bytes === null ? [] : [`bodies up to ${bytes(settings.body_bytes)}`]),
    ...(settings.rate_per_second === null ? [] : [`${count(settings.rate_per_second)} deliveries a second at most`]),
    ...(settings.custom === null ? [] : [signingWords(settings.custom)]),
  ];
  return parts.join("; ");
}

export function signingWords(custom: CustomSender): string {
  const what = custom.algorithm === "shared-token" ? `the secret itself in ${custom.header}` : `${custom.algorithm} over ${custom.signed} in ${custom.header}, ${custom.encoding}`;
  return custom.timestamp === null ? what : `${what}; within ${custom.timestamp.tolerance_s} s of ${custom.timestamp.at}`;
}

export const OVERLAPS = [
  { value: "0", label: "None" },
  { value: "3600", label: "1 hour" },
  { value: "86400", label: "1 day" },
  { value: "604800", label: "7 days" },
  { value: "2592000", label: "30 days" },
] as const;

export const ALGORITHMS = ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha1", "ed25519", "rsa-sha256", "shared-token"];
export const ENCODINGS = ["hex", "base64", "base64url", "plain"];
export const KEY_FORMS = ["text", "hex", "base64", "whsec", "whpk", "pem"];
export const TIME_UNITS = [
  { value: "s", label: "Unix seconds" },
  { value: "ms", label: "Unix milliseconds" },
  { value: "rfc3339", label: "RFC 3339" },
];

const KIB = 1024;

/** What the form holds: texts as they are typed. */
export interface SourceDraft {
  name: string;
  sender: string;
  secret: string;
  secretAddress: boolean;
  bodyKib: number | null;
  rate: number | null;
  /** Signs in a way of its own, as `custom` says. */
  own: boolean;
  custom: {
    algorithm: string;
    encoding: string;
    key: string;
    header: string;
    prefix: string;
    signed: string;
    timed: boolean;
    timeAt: string;
    timeUnit: string;
    toleranceS: number | null;
    id: string;
    eventType: string;
    subject: string;
    retries: boolean;
  };
}

export function blank(): SourceDraft {
  return {
    name: "",
    sender: "github",
    secret: "",
    secretAddress: false,
    bodyKib: null,
    rate: null,
    own: false,
    custom: {
      algorithm: "hmac-sha256",
      encoding: "hex",
      key: "text",
      header: "x-signature-256",
      prefix: "sha256=",
      signed: "{body}",
      timed: false,
      timeAt: "header:x-timestamp",
      timeUnit: "s",
      toleranceS: 300,
      id: "",
      eventType: "",
      subject: "",
      retries: true,
    },
  };
}

export function draftOf(source: Source): SourceDraft {
  const { body_bytes, rate_per_second, custom } = source.settings;
  const start = blank();
  return {
    ...start,
    name: source.name,
    sender: source.sender,
    bodyKib: body_bytes === null ? null : body_bytes / KIB,
    rate: rate_per_second,
    own: custom !== null,
    custom:
      custom === null
        ? start.custom
        : {
            algorithm: custom.algorithm,
            encoding: custom.encoding,
            key: custom.key,
            header: custom.header,
            prefix: custom.prefix,
            signed: custom.signed,
            timed: custom.timestamp !== null,
            timeAt: custom.timestamp?.at ?? start.custom.timeAt,
            timeUnit: custom.timestamp?.unit ?? start.custom.timeUnit,
            toleranceS: custom.timestamp?.tolerance_s ?? start.custom.toleranceS,
            id: custom.id ?? "",
            eventType: custom.event_type ?? "",
            subject: custom.subject ?? "",
            retries: custom.retries,
          },
  };
}

/** The settings as they are sent: whole, because what is not said goes back to the usual. */
export function settingsOf(draft: SourceDraft): SourceSettings {
  const { custom } = draft;
  const given = (text: string): string | null => text.trim() || null;
  return {
    body_bytes: draft.bodyKib === null ? null : Math.round(draft.bodyKib * KIB),
    rate_per_second: draft.rate,
    custom:
      draft.sender !== "generic" || !draft.own
        ? null
        : {
            algorithm: custom.algorithm,
            encoding: custom.algorithm === "shared-token" ? "plain" : custom.encoding,
            key: custom.key,
            header: custom.header.trim().toLowerCase(),
            prefix: custom.prefix,
            signed: custom.signed,
            timestamp: custom.timed ? { at: custom.timeAt.trim(), unit: custom.timeUnit, tolerance_s: custom.toleranceS ?? 0 } : null,
            id: given(custom.id),
            event_type: given(custom.eventType),
            subject: given(custom.subject),
            retries: custom.retries,
          },
  };
}

/** A first guess for a name: the sender's, or with a number where that is taken. */
export function freeName(sender: string, taken: string[]): string {
  const base = sender === "generic" ? "partner" : sender;
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!taken.includes(name)) return name;
  }
}
