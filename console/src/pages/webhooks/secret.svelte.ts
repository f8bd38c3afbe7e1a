// A source's secret, asked for only when a person wants to see it, and forgotten with the component.

import { ApiError, post } from "../../shared/api.ts";

export class RevealedSecret {
  text = $state<string | null>(null);
  failure = $state.raw<ApiError | null>(null);
  asking = $state(false);

  async reveal(source: string): Promise<void> {
    this.asking = true;
    try {
      this.text = (await post<{ secret: string }>(`/api/v1/webhooks/sources/${encodeURIComponent(source)}/secret`)).secret;
      this.failure = null;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
    this.asking = false;
  }

  hide(): void {
    this.text = null;
  }
}
