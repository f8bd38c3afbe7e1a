import { describe, expect, it } from "vitest";
import { actionWords, actorWords, isPerson, outcome, placeOf, type AuditEntry } from "./words.ts";

function entry(action: string, target: string): AuditEntry {
  return { id: 1, at_ms: 0, actor: "admin", action, target, status: 200, address: "", request_id: "" };
}

describe("an entry in words", () => {
  it("names what it knows and shows the rest as it is", () => {
    expect(actionWords("DELETE /api/v1/keys/{id}")).toBe("Revoke an API key");
    expect(actionWords("PUT /api/v1/tomorrow")).toBe("PUT /api/v1/tomorrow");
    expect([actorWords("cli"), actorWords("key:7")]).toEqual(["Command line", "key:7"]);
  });

  it("has words for all that people and their administrators do", () => {
    const actions = ["POST /api/v1/session", "POST /sign-in", "GET /sign-in/with/{issuer}/callback", "POST /join/{token}", "POST /password/{token}", "POST /api/v1/people/register", "POST /api/v1/people/password-reset"];
    actions.push("POST /api/v1/people", "PATCH /api/v1/people/{id}", "DELETE /api/v1/people/{id}", "PUT /api/v1/people/{id}/ban", "DELETE /api/v1/people/{id}/ban");
    actions.push("POST /api/v1/people/{id}/sign-out", "POST /api/v1/people/{id}/password-reset", "POST /api/v1/invitations", "DELETE /api/v1/invitations/{id}");
    actions.push("PATCH /api/v1/me", "POST /api/v1/me/password", "POST /api/v1/me/sign-out", "DELETE /api/v1/me/sessions/{id}");
    actions.push("user create", "user password", "user ban", "user unban");
    expect(actions.filter((action) => actionWords(action) === action)).toEqual([]);
  });

  it("tells people apart by the end of their ids", () => {
    expect(actorWords("usr_01arz3ndektsv4rrffq69g5fav")).toBe("Person …9g5fav");
    expect(["usr_01arz3", "admin", "key:7", "usr_", "usr_<b>"].map(isPerson)).toEqual([true, false, false, false, false]);
  });

  it("says how it ended", () => {
    expect([200, 204, 303, 404, 429, 503].map((status) => outcome(status).word)).toEqual(["done", "done", "done", "refused", "refused", "failed"]);
  });
});

describe("the place of what was changed", () => {
  it("is the page that shows it", () => {
    expect(placeOf(entry("POST /api/v1/schedules/{id}/run", "/api/v1/schedules/12/run"))).toEqual(["schedules", "12"]);
    expect(placeOf(entry("POST /api/v1/webhooks/deliveries/{id}/replay", "/api/v1/webhooks/deliveries/9/replay"))).toEqual(["webhooks", "deliveries", "9"]);
    expect(placeOf(entry("DELETE /api/v1/keys/{id}", "/api/v1/keys/3"))).toEqual(["keys", "3"]);
    expect(placeOf(entry("PATCH /api/v1/people/{id}", "/api/v1/people/usr_1a"))).toEqual(["people", "usr_1a"]);
    expect(placeOf(entry("DELETE /api/v1/people/{id}/ban", "/api/v1/people/usr_1a/ban"))).toEqual(["people", "usr_1a"]);
    expect(placeOf(entry("user ban", "usr_1a"))).toEqual(["people", "usr_1a"]);
  });

  it("is nowhere for a list, an act on many, and what is gone", () => {
    expect(placeOf(entry("POST /api/v1/schedules", "/api/v1/schedules"))).toBeNull();
    expect(placeOf(entry("POST /api/v1/schedules/preview", "/api/v1/schedules/preview"))).toBeNull();
    expect(placeOf(entry("POST /api/v1/jobs/redrive", "/api/v1/jobs/redrive"))).toBeNull();
    expect(placeOf(entry("DELETE /api/v1/schedules/{id}", "/api/v1/schedules/12"))).toBeNull();
    expect(placeOf(entry("DELETE /api/v1/people/{id}", "/api/v1/people/usr_1a"))).toBeNull();
    expect(placeOf(entry("POST /api/v1/people/register", "/api/v1/people/register"))).toBeNull();
    expect(placeOf(entry("user create", "ada@example.com"))).toBeNull();
  });
});
