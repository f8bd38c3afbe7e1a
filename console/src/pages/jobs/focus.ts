import { tick } from "svelte";

/** What was pressed may be gone by now: whoever goes by keyboard goes on at `place`, and not at the top of the page. */
export async function goOnAt(place: HTMLElement | undefined): Promise<void> {
  await tick();
  if (document.activeElement === document.body) place?.focus({ preventScroll: true });
}
