// What a person types or pastes for a repository, and what a phrase changes in the list of stations.

import type { Station } from "../../contract.ts";
import { plural } from "../../shared/format.ts";

/** The parts of a phrase that the list shows (docs/protocol/phrase.md). */
export interface PhraseHeard {
  n: number;
  station: string;
  at_ms: number;
  event: { title: string };
  mood: string;
  intensity: number;
  tempo: { bpm: number; commits_last_hour: number };
  key: string;
}

/** "owner/repo" from a name, an https address or an ssh address of a repository; null when it is none. */
export function repositoryOf(typed: string): string | null {
  const found = /^(?:(?:https?:\/\/)?(?:www\.)?github\.com\/|git@github\.com:)?([\w-]{1,39})\/([\w.-]{1,100}?)(?:\.git)?(?:[/?#].*)?$/.exec(typed.trim());
  if (!found?.[1] || !found[2] || found[2] === "." || found[2] === "..") return null;
  return `${found[1]}/${found[2]}`.toLowerCase();
}

/** Who listens, in words, by what means where there is more than one. */
export function listeningWords({ listeners, listening }: Pick<Station, "listeners" | "listening">): string {
  if (listeners === 0) return "nobody listens";
  const { sockets, events, audio } = listening;
  const means = [[sockets, "page"], [events, "event stream"], [audio, "player"]] as const;
  return means.filter(([many]) => many > 0).map(([many, word]) => plural(many, word)).join(", ");
}

/** The stations after one more phrase; the one that played comes first. */
export function heard(stations: Station[], phrase: PhraseHeard): Station[] {
  const known = stations.find((one) => one.station === phrase.station);
  if (!known) return stations;
  const now: Station = {
    ...known,
    phrases: Math.max(known.phrases, phrase.n),
    last_phrase_at_ms: phrase.at_ms,
    last_title: phrase.event.title,
    mood: phrase.mood,
    intensity: phrase.intensity,
    bpm: phrase.tempo.bpm,
    key: phrase.key,
    commits_last_hour: phrase.tempo.commits_last_hour,
  };
  return [now, ...stations.filter((one) => one !== known)];
}
