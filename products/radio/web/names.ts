/** Names of stations: what GitHub allows for owner/repo, and how an address of this page is read. */

const NAME = /^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/;

/** Null when it is right, else what is wrong with it, in words. */
export function nameProblem(name: string): string | null {
  const slashes = name.split("/").length - 1;
  if (name === "") return "Type the repository as owner/repo.";
  if (slashes !== 1) return "It needs exactly one slash: owner/repo.";
  if (name.startsWith("/") || name.endsWith("/")) return "Both the owner and the repository are needed.";
  if (!NAME.test(name)) return "Only letters, digits, “_”, “.” and “-” are allowed.";
  // A browser resolves these as directories, so they could never be asked for.
  if (name.split("/").some((part) => part === "." || part === "..")) return "“.” and “..” are no names.";
  return null;
}

/** People paste addresses: `https://github.com/owner/repo.git` means owner/repo. */
export function nameFrom(typed: string): string {
  return typed.trim().replace(/^(https?:\/\/)?(www\.)?github\.com\//i, "").replace(/(\.git)?\/*$/, "");
}

/** The station of an address, or null for the list of stations. */
export function stationOf(path: string): string | null {
  const rest = path.replace(/^\/radio\/?/, "").replace(/\/+$/, "");
  return nameProblem(rest) === null ? rest : null;
}

export const stationPath = (name: string): string => `/radio/${name}`;
/** Channels are named in lower case, as GitHub's own names ignore case. */
export const channelOf = (name: string): string => `radio:${name.toLowerCase()}`;
