import { describe, expect, it } from "vitest";
import { actionWords, actorWords, outcome, placeOf, type AuditEntry } from "./words.ts";

function entry(action: string, target: string): AuditEntry {
  return { id: 1, at_ms: 0, actor: "admin", action, target, status: 200, address: "", request_id: "" };
}

describe("an entry in words", () => {
  it("names what it knows and shows the rest as it is", () => {
    expect(actionWords("DELETE /api/v1/keys/{id}")).toBe("Revoke an API key");
    expect(actionWords("PUT /api/v1/tomorrow")).toBe("PUT /api/v1/tomorrow");
    expect([actorWords("cli"), actorWords("key:7")]).toEqual(["Command line", "key:7"]);
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
  });

  it("is nowhere for a list, an act on many, and what is gone", () => {
    expect(placeOf(entry("POST /api/v1/schedules", "/api/v1/schedules"))).toBeNull();
    expect(placeOf(entry("POST /api/v1/schedules/preview", "/api/v1/schedules/preview"))).toBeNull();
    expect(placeOf(entry("POST /api/v1/jobs/redrive", "/api/v1/jobs/redrive"))).toBeNull();
    expect(placeOf(entry("DELETE /api/v1/schedules/{id}", "/api/v1/schedules/12"))).toBeNull();
  });
});
