// When to read again what no channel carries: now and then while the page is looked at, or when a channel says that
// something moved. One reading ends before the next one begins.

import { follow } from "../shared/live.ts";

/** Reads every so often; null for not now. To be used while a component is set up. */
export function nowAndThen(everyMs: () => number | null, read: () => Promise<void>): void {
  $effect(() => {
    const pause = everyMs();
    if (pause === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const wait = (): void => void (timer = setTimeout(() => void turn(), pause));
    const turn = async (): Promise<void> => {
      if (!document.hidden) await read();
      if (!over) wait();
    };
    wait();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  });
}

/** Reads after a word on the channel, at most once in `apartMs`; the last word is always followed by a reading. */
export function whenTold(channel: string, apartMs: number, read: () => Promise<void>): void {
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const told = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void read();
      }, apartMs);
    };
    const stop = follow(channel, { publication: told, subscribed: told });
    return () => {
      stop();
      clearTimeout(timer);
    };
  });
}
