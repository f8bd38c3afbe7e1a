import type { Verdict } from "../../contract.ts";
import type { Tone } from "../../ui/Chip.svelte";

export const VERDICT_TONE: Record<Verdict, Tone> = { accepted: "ok", duplicate: "quiet", rejected: "bad" };
