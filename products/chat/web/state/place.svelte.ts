// Where on the page one is, as an address: the back gesture of a phone closes what was opened.

export type Place = { view: "rooms" } | { view: "room"; room: string; at: number | null } | { view: "mentions" } | { view: "admin" };

export function placeOf(path: string, search: string): Place {
  const name = decode(path.replace(/^\/chat\/?/, "").replace(/\/$/, ""));
  if (name === "admin" || name === "mentions") return { view: name };
  if (!/^[a-z]+_[0-9a-z]+$/i.test(name)) return { view: "rooms" };
  const at = Number(new URLSearchParams(search).get("at"));
  return { view: "room", room: name, at: Number.isSafeInteger(at) && at > 0 ? at : null };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}

function pathOf(place: Place): string {
  if (place.view === "rooms") return "/chat";
  if (place.view !== "room") return `/chat/${place.view}`;
  return `/chat/${place.room}${place.at ? `?at=${place.at}` : ""}`;
}

class Places {
  now: Place = $state.raw(placeOf(location.pathname, location.search));
  /** How many steps back stay on this page. */
  #deep = 0;
  /** A step back is asked for, and not gone yet. */
  #goes = false;

  constructor() {
    addEventListener("popstate", () => {
      this.#deep = Math.max(0, this.#deep - 1);
      this.#goes = false;
      this.now = placeOf(location.pathname, location.search);
    });
  }

  get room(): string | null {
    return this.now.view === "room" ? this.now.room : null;
  }

  go(place: Place): void {
    const path = pathOf(place);
    if (path === location.pathname + location.search) {
      this.now = place;
      return;
    }
    // From room to room the way back is the list, not every room that was looked at.
    if (this.now.view === "room" && place.view === "room") history.replaceState(null, "", path);
    else {
      history.pushState(null, "", path);
      this.#deep += 1;
    }
    this.now = place;
  }

  open(room: string, at: number | null = null): void {
    this.go({ view: "room", room, at });
  }

  /** What the arrow of a phone's header does, as its back gesture. Asked for twice before it is gone, it is one step. */
  back(): void {
    if (this.#goes) return;
    if (this.#deep > 0) {
      this.#goes = true;
      history.back();
    } else {
      history.replaceState(null, "", "/chat");
      this.now = { view: "rooms" };
    }
  }
}

export const place = new Places();
