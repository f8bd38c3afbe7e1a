/** When a phrase may start: on a beat of what sounds, or at once. All times are seconds on the audio clock. */

import sound from "../../sound.json";

export interface Grid {
  /** When the phrase that sets the beat starts. */
  starts_at: number;
  /** When its last note lets go: after that, it sets no beat. */
  music_ends_at: number;
  beat_s: number;
}

/** Time for the browser to build the sound before it must be heard. */
export const LOOK_AHEAD_S = sound.air.look_ahead_ms / 1000;
/** A burst spreads over the following beats, but nobody should wait longer than this for a sound. */
export const WAIT_MAX_S = sound.air.wait_max_ms / 1000;

/**
 * The start of the next phrase: the next beat of the youngest phrase that still makes music, else as soon as possible.
 * Two phrases never start on the same beat: a burst becomes a canon instead of a heap. Null when the wait would be
 * so long that the sound would no longer belong to its event.
 */
export function nextStart(now: number, sounding: readonly Grid[]): number | null {
  const soon = now + LOOK_AHEAD_S;
  const leader = sounding
    .filter((one) => one.music_ends_at > soon)
    .reduce<Grid | null>((latest, one) => (latest === null || one.starts_at >= latest.starts_at ? one : latest), null);
  if (leader === null) return soon;

  // A hair of tolerance, so that rounding never costs a whole beat.
  const beats = Math.max(1, Math.ceil((soon - leader.starts_at) / leader.beat_s - 1e-6));
  const start = leader.starts_at + beats * leader.beat_s;
  return start - now > WAIT_MAX_S ? null : start;
}
