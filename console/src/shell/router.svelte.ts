// Addresses below /console/ by the history API: every page and every detail has its own, so that it can be sent.

const BASE = "/console";

class Route {
  /** Below the base, without a slash at either end: "webhooks/deliveries/12". */
  path = $state("");
  query = $state(new URLSearchParams());

  readonly parts: string[] = $derived(this.path.split("/").filter((part) => part !== "").map(decoded));

  constructor() {
    this.read();
    addEventListener("popstate", () => this.read());
  }

  read(): void {
    this.path = location.pathname.replace(/^\/console\/?/, "").replace(/\/+$/, "");
    this.query = new URLSearchParams(location.search);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Route();

/** The address of a page: `at(["jobs", id], { state })`. Parts are escaped; empty query values are left out. */
export function at(parts: (string | number)[], query: Record<string, string | null | undefined> = {}): string {
  const path = [BASE, ...parts.map((part) => encodeURIComponent(String(part)))].join("/");
  const given = Object.entries(query).filter(([, value]) => value) as [string, string][];
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** Goes to an address of the console. `replace` for what should not be a step of the back button (a filter). */
export function go(address: string, how: "push" | "replace" = "push"): void {
  if (address === location.pathname + location.search) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", address);
  route.read();
}

/** Changes some values of the query and keeps the rest. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), "replace");
}

/** Makes plain links within the console change the page without a reload; everything else stays the browser's. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
  // The one-time link is answered by the server.
  if (link.pathname.startsWith(`${BASE}/enter/`)) return;
  event.preventDefault();
  go(link.pathname + link.search, link.dataset.replace === undefined ? "push" : "replace");
}
