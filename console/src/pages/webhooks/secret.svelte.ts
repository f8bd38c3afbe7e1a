// A source's secret and whole address, asked for only when a person wants to see them, and forgotten with the component.

import { ApiError, post } from "../../shared/api.ts";

/** What the server answers when it shows a secret. */
export interface Revealed {
  name: string;
  /** The whole address, with its token. */
  path: string;
  /** None where the sender signs nothing. */
  secret: string | null;
  previous_until_ms: number | null;
}

export class RevealedSecret {
  text = $state<string | null>(null);
  path = $state<string | null>(null);
  failure = $state.raw<ApiError | null>(null);
  asking = $state(false);
  readonly shown: boolean = $derived(this.path !== null);

  async reveal(source: string): Promise<void> {
    this.asking = true;
    try {
      this.show(await post<Revealed>(`/api/v1/webhooks/sources/${encodeURIComponent(source)}/secret`));
      this.failure = null;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.failure = failure;
    }
    this.asking = false;
  }

  show(revealed: Revealed): void {
    this.text = revealed.secret;
    this.path = revealed.path;
  }

  hide(): void {
    this.text = null;
    this.path = null;
  }
}

/** What was made just now, for the page that shows it: handed over once. */
class Made {
  #made: Revealed | null = null;

  hand(made: Revealed): void {
    this.#made = made;
  }

  take(name: string): Revealed | null {
    const made = this.#made?.name === name ? this.#made : null;
    this.#made = null;
    return made;
  }
}

export const made = new Made();
