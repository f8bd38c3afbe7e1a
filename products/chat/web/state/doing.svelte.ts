// What is open over the page, and the word at its foot when something did not work.

export type Sheet = "none" | "new" | "jump" | "settings";
export type Panel = "none" | "about" | "pins" | "info";

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
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(word: string): void {
    if (word === "") return;
    this.word = word;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.word = ""), 6_000);
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
