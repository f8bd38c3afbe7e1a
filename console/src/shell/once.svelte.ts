// A secret that was made just now.

/** The server shows it once, and the page of what it belongs to until that is left. */
class ShownOnce {
  /** What it belongs to: "endpoint ep_1", "key 7". */
  of = $state<string | null>(null);
  text = $state("");

  show(of: string, text: string): void {
    this.of = of;
    this.text = text;
  }

  forget(): void {
    this.of = null;
    this.text = "";
  }
}

export const shownOnce = new ShownOnce();
