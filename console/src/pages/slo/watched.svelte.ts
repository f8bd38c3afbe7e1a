// Objectives and alerts, kept fresh: asked for once, then taken from the channel each minute and after each act.

import { ApiError, get, post, put } from "../../shared/api.ts";
import { follow } from "../../shared/live.ts";
import { said } from "../../shell/said.svelte.ts";
import type { Alert, Objective } from "./objectives.ts";

export class Watched {
  objectives = $state.raw<Objective[] | null>(null);
  alerts = $state.raw<Alert[]>([]);
  failure = $state.raw<ApiError | null>(null);
  busy = $state<string | null>(null);

  /** Starts to listen; answers how to stop. */
  start(): () => void {
    void this.load();
    return follow<{ items: Objective[]; alerts: Alert[] }>("console:slo", {
      publication: ({ items, alerts }) => {
        this.objectives = items;
        this.alerts = alerts;
        this.failure = null;
      },
      subscribed: (gap) => {
        if (gap) void this.load();
      },
    });
  }

  async load(): Promise<void> {
    await this.#tried(null, async () => {
      const [objectives, alerts] = await Promise.all([
        get<{ items: Objective[] }>("/api/v1/slo"),
        get<{ items: Alert[] }>("/api/v1/alerts"),
      ]);
      this.objectives = objectives.items;
      this.alerts = alerts.items;
    });
  }

  async acknowledge(alert: Alert, title: string): Promise<void> {
    await this.#tried(alert.id, async () => {
      await post(`/api/v1/alerts/${alert.id}/acknowledge`);
      said.say(`Noted: nobody is reminded of “${title}” any more.`);
      await this.load();
    });
  }

  /** For so many hours from now; 0 ends it. */
  async silence(objective: Objective, hours: number): Promise<void> {
    await this.#tried(objective.name, async () => {
      await put(`/api/v1/slo/${objective.name}/silence`, { until_ms: hours === 0 ? 0 : Date.now() + hours * 3_600_000 });
      said.say(hours === 0 ? `“${objective.title}” is told again.` : `Nobody is told about “${objective.title}” for ${hours} h.`);
      await this.load();
    });
  }

  async #tried(busy: string | null, act: () => Promise<void>): Promise<void> {
    this.busy = busy;
    try {
      await act();
      this.failure = null;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      if (busy === null) this.failure = failure;
      else said.say(`${failure.title}: ${failure.detail}`, true, failure.requestId);
    } finally {
      this.busy = null;
    }
  }
}
