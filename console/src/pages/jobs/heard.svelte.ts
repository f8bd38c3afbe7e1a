// The server's word that jobs changed: at most so many looks a second, and always one after the last word.

import type { JobChanges } from "../../contract.ts";
import { follow } from "../../shared/live.ts";
import { health } from "../../shell/health.svelte.ts";

const EVERY_MS = 1000;

/** Calls `again` when jobs changed, and when we were away from the channel. To be called while a component is set up. */
export function onJobs(again: (changes: JobChanges | null) => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: JobChanges | null = null;
  const soon = (changes: JobChanges | null): void => {
    last = changes;
    timer ??= setTimeout(() => {
      timer = undefined;
      again(last);
    }, EVERY_MS);
  };
  $effect(() => {
    const stop = follow<JobChanges>("console:jobs", {
      publication: (changes) => {
        health.jobs = changes.counts;
        soon(changes);
      },
      subscribed: () => soon(null),
    });
    return () => {
      stop();
      clearTimeout(timer);
      timer = undefined;
    };
  });
}
