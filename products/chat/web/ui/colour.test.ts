import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hueOf, initials } from "./colour";

describe("letters", () => {
  it("are at most two, of the first and the last word that has any", () => {
    for (const [name, letters] of [
      ["Ada", "A"], ["Ada Lovelace", "AL"], ["ada von king", "AK"], ["  Ben  ", "B"], ["(Cem) Öz", "CÖ"], ["李小龍", "李"], ["7 of 9", "79"], ["— !", "?"], ["", "?"],
    ]) expect(initials(name!), name).toBe(letters);
  });
});

/** The light of a colour that is written in OKLCH, as contrast is counted (WCAG 2.2), clipped to what screens show. */
function luminance(lightness: number, chroma: number, hue: number): number {
  const [a, b] = [chroma * Math.cos((hue * Math.PI) / 180), chroma * Math.sin((hue * Math.PI) / 180)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (value: number): number => Math.min(1, Math.max(0, value));
  const red = clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe("colours", () => {
  const css = readFileSync(new URL("../chat.css", import.meta.url), "utf8");
  const themes = { light: css.slice(css.indexOf(":root {")), dark: css.slice(css.indexOf(":root[data-theme=\"dark\"]")) };
  const token = (theme: keyof typeof themes, name: string): number => Number(new RegExp(`--${name}: ([0-9.]+);`).exec(themes[theme])![1]);

  it.each(["light", "dark"] as const)("are read well when it is %s, whoever it is", (theme) => {
    const [personL, personC, inkL, inkC] = ["person-l", "person-c", "ink-l", "ink-c"].map((name) => token(theme, name)) as [number, number, number, number];
    for (let hue = 0; hue < 360; hue += 30) {
      const [bright, deep] = [luminance(personL, personC, hue), luminance(inkL, inkC, hue)].sort((x, y) => y - x) as [number, number];
      expect((bright + 0.05) / (deep + 0.05), `hue ${hue}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("follow the id alone, and are spread over people", () => {
    const people = Array.from({ length: 600 }, (_, n) => hueOf(`usr_01jx${n.toString(36).padStart(4, "0")}`));
    expect(hueOf("usr_01jx0000")).toBe(people[0]);
    const counts = new Map<number, number>();
    for (const hue of people) counts.set(hue, (counts.get(hue) ?? 0) + 1);
    expect(counts.size).toBe(12);
    expect(Math.max(...counts.values())).toBeLessThan(100);
  });
});
