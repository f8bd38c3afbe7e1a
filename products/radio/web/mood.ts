/** The four moods to the eye. Four hues of one lightness and one chroma, so that none of them is an alarm. */
import type { Mood } from "./phrase";

export type Rgb = readonly [number, number, number];

/** On a dark ground light is added, on a light one colour is laid down: hence two sets. Also in `radio.css`. */
export const MOOD_RGB: Record<"dark" | "light", Record<Mood, Rgb>> = {
  dark: {
    tension: [221, 162, 230],
    resolution: [227, 177, 96],
    activity: [101, 199, 248],
    growth: [108, 210, 167],
  },
  light: {
    tension: [142, 84, 152],
    resolution: [158, 104, 10],
    activity: [10, 116, 164],
    growth: [10, 128, 92],
  },
};

/** What each mood is about, in a few words. */
export const MOOD_WORDS: Record<Mood, string> = {
  tension: "something is held up",
  resolution: "something came to its end well",
  activity: "work goes on",
  growth: "something new begins",
};
