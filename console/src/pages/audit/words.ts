// An entry of the audit log in words. Pure.

import type { Tone } from "../../ui/Chip.svelte";

export interface AuditEntry {
  id: number;
  at_ms: number;
  actor: string;
  /** The method and the route, or the command. */
  action: string;
  /** The path; empty where it would be a secret. */
  target: string;
  status: number;
  address: string;
  request_id: string;
}

const ACTORS: Record<string, string> = { admin: "Administrator", anonymous: "Sign-in", cli: "Command line" };

/** What the changes are called. One that is not named here is shown as it was asked for. */
const ACTIONS: Record<string, string> = {
  "POST /console/enter/{token}": "Sign in by a link",
  "POST /sign-in": "Sign in with a password",
  "POST /api/v1/session": "Sign in with a password",
  "GET /sign-in/with/{issuer}/callback": "Sign in with an issuer",
  "POST /api/v1/session/end": "Sign out",
  "POST /join": "Join",
  "POST /join/{token}": "Join by an invitation",
  "POST /api/v1/people/register": "Join",
  "POST /password/{token}": "Set a password by a link",
  "POST /api/v1/people/password-reset": "Set a password by a link",
  "POST /api/v1/people": "Make an account",
  "PATCH /api/v1/people/{id}": "Change a person",
  "DELETE /api/v1/people/{id}": "Delete a person",
  "PUT /api/v1/people/{id}/ban": "Ban a person",
  "DELETE /api/v1/people/{id}/ban": "Unban a person",
  "POST /api/v1/people/{id}/sign-out": "Sign a person out everywhere",
  "POST /api/v1/people/{id}/password-reset": "Make a link for a new password",
  "POST /api/v1/invitations": "Invite somebody",
  "DELETE /api/v1/invitations/{id}": "Take an invitation back",
  "PATCH /api/v1/me": "Change one's own name",
  "POST /api/v1/me/password": "Change one's own password",
  "POST /api/v1/me/sign-out": "Sign oneself out everywhere",
  "DELETE /api/v1/me/sessions/{id}": "Sign one's own browser out",
  "user create": "Make an account",
  "user password": "Make a link for a new password",
  "user ban": "Ban a person",
  "user unban": "Unban a person",
  "POST /api/v1/keys": "Make an API key",
  "DELETE /api/v1/keys/{id}": "Revoke an API key",
  "POST /api/v1/jobs": "Enqueue a job",
  "POST /api/v1/jobs/bulk": "Enqueue jobs",
  "POST /api/v1/jobs/{id}/retry": "Run a job now",
  "POST /api/v1/jobs/{id}/cancel": "Cancel a job",
  "POST /api/v1/jobs/redrive": "Redrive jobs",
  "POST /api/v1/jobs/cancel": "Cancel many jobs",
  "POST /api/v1/queues/{queue}/pause": "Pause a queue",
  "POST /api/v1/queues/{queue}/resume": "Resume a queue",
  "PUT /api/v1/queues/{queue}/policy": "Change a queue's limits",
  "DELETE /api/v1/queues/{queue}/policy": "Take back a queue's limits",
  "POST /api/v1/kinds/{kind}/pause": "Pause a kind of job",
  "POST /api/v1/kinds/{kind}/resume": "Resume a kind of job",
  "POST /api/v1/batches": "Open a batch",
  "POST /api/v1/batches/{id}/seal": "Seal a batch",
  "POST /api/v1/batches/{id}/cancel": "Cancel a batch",
  "POST /api/v1/events": "Publish events",
  "POST /api/v1/events/replay": "Replay events",
  "POST /api/v1/events/replays/{id}/cancel": "Cancel a replay of events",
  "POST /api/v1/subscriptions/{name}/pause": "Pause a stream",
  "POST /api/v1/subscriptions/{name}/resume": "Resume a stream",
  "POST /api/v1/subscriptions/{name}/parked/retry": "Retry all parked events",
  "POST /api/v1/subscriptions/{name}/parked/{position}/retry": "Retry a parked event",
  "POST /api/v1/subscriptions/{name}/parked/{position}/discard": "Discard a parked event",
  "POST /api/v1/schedules": "Add a schedule",
  "PATCH /api/v1/schedules/{id}": "Change a schedule",
  "DELETE /api/v1/schedules/{id}": "Delete a schedule",
  "POST /api/v1/schedules/{id}/run": "Run a schedule now",
  "POST /api/v1/schedules/{id}/pause": "Pause a schedule",
  "POST /api/v1/schedules/{id}/resume": "Resume a schedule",
  "POST /api/v1/schedules/preview": "Try a schedule's times",
  "POST /api/v1/endpoints": "Add an endpoint",
  "PATCH /api/v1/endpoints/{id}": "Change an endpoint",
  "DELETE /api/v1/endpoints/{id}": "Remove an endpoint",
  "POST /api/v1/endpoints/{id}/enable": "Enable an endpoint",
  "POST /api/v1/endpoints/{id}/disable": "Disable an endpoint",
  "POST /api/v1/endpoints/{id}/rotate": "Rotate an endpoint's secret",
  "POST /api/v1/endpoints/{id}/test": "Send a test to an endpoint",
  "POST /api/v1/endpoints/{id}/recover": "Send an endpoint what it missed",
  "POST /api/v1/endpoints/{id}/messages/{number}/resend": "Send a message again",
  "POST /api/v1/webhooks/sources": "Add a source",
  "PATCH /api/v1/webhooks/sources/{source}": "Change a source",
  "DELETE /api/v1/webhooks/sources/{source}": "Remove a source",
  "POST /api/v1/webhooks/sources/{source}/rotate": "Rotate a source's secret",
  "POST /api/v1/webhooks/sources/{source}/secret": "Look at a source's secret",
  "DELETE /api/v1/webhooks/sources/{source}/secrets/{id}": "End a source's secret",
  "POST /api/v1/webhooks/sources/{source}/topics": "Ask a hub for a topic",
  "POST /api/v1/webhooks/deliveries/{id}/replay": "Replay a delivery",
  "POST /api/v1/webhooks/replays": "Replay deliveries",
  "POST /api/v1/webhooks/replays/{id}/cancel": "Cancel a replay of deliveries",
  "POST /api/v1/radio/stations": "Make a station",
  "PATCH /api/v1/radio/stations/{owner}/{repo}": "Change a station",
  "DELETE /api/v1/radio/stations/{owner}/{repo}": "Delete a station",
  "POST /api/v1/radio/stations/{owner}/{repo}/tokens": "Make a listener token",
  "DELETE /api/v1/radio/stations/{owner}/{repo}/tokens/{id}": "Take back a listener token",
  "POST /api/v1/alerts/{id}/acknowledge": "Acknowledge an alert",
  "PUT /api/v1/slo/{objective}/silence": "Silence an objective",
  "PUT /api/v1/ops/log-level": "Change what is logged",
};

export function actionWords(action: string): string {
  return ACTIONS[action] ?? action;
}

/** Whether an actor is somebody with an account, and not the administrator by a link, a key or the command line. */
export function isPerson(actor: string): boolean {
  return /^usr_[0-9a-z]+$/.test(actor);
}

/** A person is told from others by the end of the id: all of one day begin alike. */
export function actorWords(actor: string): string {
  if (isPerson(actor)) return `Person …${actor.slice(-6)}`;
  return ACTORS[actor] ?? actor;
}

/** How it ended, in a word. */
export function outcome(status: number): { word: string; tone: Tone } {
  if (status >= 500) return { word: "failed", tone: "bad" };
  if (status >= 400) return { word: "refused", tone: "warn" };
  return { word: "done", tone: "ok" };
}

/** Each page of the console that shows one thing by its name, and where the API has it. */
const PLACES: [pattern: RegExp, page: string[]][] = [
  [/^\/api\/v1\/jobs\/([^/]+)\/(?:retry|cancel)$/, ["jobs"]],
  [/^\/api\/v1\/schedules\/([^/]+)/, ["schedules"]],
  [/^\/api\/v1\/endpoints\/([^/]+)/, ["endpoints"]],
  [/^\/api\/v1\/keys\/([^/]+)/, ["keys"]],
  [/^\/api\/v1\/people\/(usr_[^/]+)/, ["people"]],
  // Of a command.
  [/^(usr_[0-9a-z]+)$/, ["people"]],
  [/^\/api\/v1\/webhooks\/deliveries\/([^/]+)/, ["webhooks", "deliveries"]],
];

/** The parts of the address of what was changed; null where the console has no page of it. */
export function placeOf(entry: AuditEntry): string[] | null {
  // What was removed has no page any more; a revoked key and a person whose ban was taken back have.
  const stays = entry.target.startsWith("/api/v1/keys/") || entry.target.endsWith("/ban");
  if (entry.action.startsWith("DELETE") && !stays) return null;
  for (const [pattern, page] of PLACES) {
    const name = pattern.exec(entry.target)?.[1];
    if (name !== undefined && name !== "preview") return [...page, decodeURIComponent(name)];
  }
  return null;
}
