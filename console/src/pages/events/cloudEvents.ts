// Events in the form that everyone understands: CloudEvents 1.0 as JSON, in and out.

import { ApiError, problemOf } from "../../shared/api.ts";

const STRUCTURED = "application/cloudevents+json";

/** A type that is declared, or a family of them (`github.*`). */
export interface EventType {
  type: string;
  version: number | null;
  dataschema: string | null;
  schema: unknown;
}

/** What became of a published event. */
export interface Published {
  id: string;
  source: string;
  position: number;
  /** False when the log had it already. */
  new: boolean;
}

/** What a form for an event holds: texts as they are typed. */
export interface EventDraft {
  type: string;
  source: string;
  subject: string;
  id: string;
  data: string;
}

/** An id that nothing else has; also where the page is not served by https, and the browser makes no UUIDs. */
export function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The event as it is sent; or what is wrong with its payload, which only the page reads as text. */
export function cloudEventOf(draft: EventDraft): Record<string, unknown> | { wrong: string } {
  let data: unknown;
  try {
    data = JSON.parse(draft.data);
  } catch (error) {
    return { wrong: `No JSON: ${error instanceof Error ? error.message : "it cannot be read"}` };
  }
  const subject = draft.subject.trim();
  return {
    specversion: "1.0",
    type: draft.type.trim(),
    source: draft.source.trim(),
    id: draft.id.trim(),
    ...(subject === "" ? {} : { subject }),
    datacontenttype: "application/json",
    data,
  };
}

/** One event of the log as a CloudEvent. */
export function readCloudEvent(position: string | number, signal: AbortSignal): Promise<unknown> {
  return ask(`/api/v1/events/${encodeURIComponent(String(position))}`, { headers: { Accept: STRUCTURED }, signal });
}

/** Puts an event into the log. */
export async function publish(event: unknown): Promise<Published> {
  const headers = { Accept: "application/json", "Content-Type": STRUCTURED, "X-Mainspring-Console": "1" };
  const answer = (await ask("/api/v1/events", { method: "POST", headers, body: JSON.stringify(event) })) as { events: Published[] };
  const [one] = answer.events;
  if (!one) throw new ApiError(200, "UNEXPECTED_ANSWER", "Not the expected answer", "The server named no event.", null);
  return one;
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin" });
    text = await response.text();
  } catch (failure) {
    if (init.signal?.aborted) throw failure;
    throw new ApiError(0, "UNREACHABLE", "The server cannot be reached", "The request got no answer.", null);
  }
  if (!response.ok) throw problemOf(response, text);
  return JSON.parse(text) as unknown;
}
