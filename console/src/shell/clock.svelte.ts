// One clock for all relative times on the page, so that they change together and a hundred rows need no hundred timers.

const TICK_MS = 5000;

class Clock {
  nowMs = $state(Date.now());

  constructor() {
    const tick = (): void => {
      if (!document.hidden) this.nowMs = Date.now();
    };
    setInterval(tick, TICK_MS);
    document.addEventListener("visibilitychange", tick);
  }

  /** A row has just arrived: "now" must not read "in 3 s". */
  catchUp(): void {
    this.nowMs = Date.now();
  }
}

export const clock = new Clock();
