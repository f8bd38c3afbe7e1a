// The pages of the console, in the order of the way of everything: in, event, job, out.

import type { IconName } from "../ui/Icon.svelte";

export interface ConsolePage {
  /** The first part of its address; empty for the overview. */
  part: string;
  name: string;
  icon: IconName;
  /** Goes there after g. */
  key: string;
}

export const PAGES: ConsolePage[] = [
  { part: "", name: "Overview", icon: "overview", key: "o" },
  { part: "webhooks", name: "Webhooks", icon: "webhooks", key: "w" },
  { part: "events", name: "Events", icon: "events", key: "e" },
  { part: "jobs", name: "Jobs", icon: "jobs", key: "j" },
  { part: "schedules", name: "Schedules", icon: "schedules", key: "s" },
  { part: "endpoints", name: "Endpoints", icon: "endpoints", key: "p" },
  { part: "radio", name: "Radio", icon: "radio", key: "r" },
  { part: "slo", name: "Objectives", icon: "slo", key: "b" },
  { part: "people", name: "People", icon: "people", key: "u" },
  { part: "keys", name: "API keys", icon: "keys", key: "k" },
  { part: "audit", name: "Audit", icon: "audit", key: "a" },
];
