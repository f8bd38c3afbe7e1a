// Which events are looked for: in the address, as the server takes it, and for a row that arrives live.

import type { EventRow } from "../../contract.ts";
import { fromAddress } from "../../ui/times.ts";

export const FILTERS = ["type", "source", "subject", "id", "from", "until", "filter"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filters = Record<FilterName, string | null>;

/** Those that stand behind "More" while they are empty. */
export const FURTHER: FilterName[] = ["source", "id", "from", "until", "filter"];

export function filtersOf(query: URLSearchParams): Filters {
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) || null])) as Filters;
}

/** Whether a pattern wants a type: `github.push`, `github.*`, `*`. */
export function wants(pattern: string, type: string): boolean {
  if (pattern === "*") return true;
  return pattern.endsWith(".*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}

/** Whether a row belongs, as far as a row tells it: a condition on the payload is the server's to judge. */
export function belongs(filters: Filters, row: Pick<EventRow, "type" | "source" | "subject" | "id" | "time_ms">): boolean {
  const from = fromAddress(filters.from);
  const until = fromAddress(filters.until);
  return (
    (filters.type === null || wants(filters.type, row.type)) &&
    (filters.source === null || row.source === filters.source) &&
    (filters.subject === null || row.subject === filters.subject) &&
    (filters.id === null || row.id === filters.id) &&
    (from === null || row.time_ms >= from) &&
    (until === null || row.time_ms < until)
  );
}
