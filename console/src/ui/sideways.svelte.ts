// A bar that may be wider than its place scrolls sideways: the current part stays in sight, and the edge fades
// (`data-more`) where more lies beyond it, so that nobody misses it.

const BESIDE_PX = 24;

/** For `{@attach}`. `current` is the place of the current part among the bar's children, -1 for none. */
export function sideways(current: () => number): (bar: HTMLElement) => () => void {
  return (bar) => {
    const measure = (): void => void bar.toggleAttribute("data-more", bar.scrollLeft + bar.clientWidth < bar.scrollWidth - 4);
    const sized = new ResizeObserver(measure);
    sized.observe(bar);
    bar.addEventListener("scroll", measure, { passive: true });
    $effect(() => {
      // Only sideways: scrollIntoView would also move the page.
      const shown = bar.children[current()];
      if (shown instanceof HTMLElement) {
        const left = shown.offsetLeft - bar.offsetLeft;
        if (left < bar.scrollLeft || left + shown.offsetWidth > bar.scrollLeft + bar.clientWidth) bar.scrollLeft = left - BESIDE_PX;
      }
      measure();
    });
    return () => {
      sized.disconnect();
      bar.removeEventListener("scroll", measure);
    };
  };
}
