import type { Verdict } from "../../contract.ts";
import type { Tone } from "../../ui/Chip.svelte";

export const VERDICT_TONE: Record<Verdict, Tone> = { accepted: "ok", duplicate: "quiet", rejected: "bad" };

const ADVICE: Record<string, string> = {
  STALE_TIMESTAMP: "Either an old delivery was sent again by somebody, or one of the two clocks is wrong.",
  BAD_CONTENT_TYPE: "The content type is chosen in the sender's settings.",
  UNPARSABLE: "The signature holds, so it is the sender that wrote it.",
  TOO_LARGE: "The limit is the source's: it can be raised there.",
  RATE_LIMITED: "The limit is the source's. The sender was told to come again.",
  SOURCE_DISABLED: "Turn the source on, or give it a secret that counts.",
  OVERLOADED: "The sender was told to come again.",
};

/** What can be done about a cause, beyond the reason that the server gives; empty where there is nothing to say. */
export function advice(cause: string): string {
  return ADVICE[cause] ?? "";
}
