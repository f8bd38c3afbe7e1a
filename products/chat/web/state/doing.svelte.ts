// What is open over the page, and the word at its foot when something did not work.

export type Sheet = "none" | "new" | "jump" | "settings";
export type Panel = "none" | "about" | "pins" | "info";

const LASTS_MS = 6_000;
/** Long enough to read it, think better of it, and reach the button. */
const UNDO_LASTS_MS = 15_000;

class Doing {
  sheet = $state<Sheet>("none");
  panel = $state<Panel>("none");
  /** The message whose receipts are shown. */
  info = $state(0);
  /** Only in this room is looked for. */
  within = $state<string | null>(null);
  /** On a wide screen the list of rooms may be out of the way. */
  wide = $state(true);
  word = $state("");
  /** Takes back what the word says. */
  undo = $state.raw<(() => void) | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(word: string, undo: (() => void) | null = null): void {
    if (word === "") return;
    [this.word, this.undo] = [word, undo];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hush(), undo === null ? LASTS_MS : UNDO_LASTS_MS);
  }

  hush(): void {
    clearTimeout(this.#timer);
    [this.word, this.undo] = ["", null];
  }

  /** Takes back what was done last, if that can be. */
  takeBack(): void {
    const { undo } = this;
    this.hush();
    undo?.();
  }

  open(sheet: Sheet, within: string | null = null): void {
    this.within = within;
    this.sheet = sheet;
  }

  toggle(panel: Panel): void {
    this.panel = this.panel === panel ? "none" : panel;
  }
}

export const doing = new Doing();
