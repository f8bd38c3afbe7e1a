// The choice between light, dark and the system's own. `theme-boot.js` applies it before the first paint; this module
// lets a page read and change it. Pages style themselves with the tokens of theme.css and need nothing else.

export type Theme = "light" | "dark";
export type ThemeChoice = Theme | "system";

const STORED_AS = "mainspring.theme";

/** What the page shows now. */
export function theme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** What the person chose; `system` until they chose. */
export function themeChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORED_AS);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === "system") localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, choice);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  const dark = choice === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : choice === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** Light becomes dark and the other way round; answers what it is now. */
export function toggleTheme(): Theme {
  chooseTheme(theme() === "dark" ? "light" : "dark");
  return theme();
}

/** Calls back when the shown theme changes, for what CSS cannot reach (a canvas). Answers how to stop. */
export function onThemeChange(changed: (theme: Theme) => void): () => void {
  let last = theme();
  const watch = new MutationObserver(() => {
    if (theme() === last) return;
    last = theme();
    changed(last);
  });
  watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => watch.disconnect();
}
