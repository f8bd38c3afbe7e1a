/** The present on the server's clock: whether a phrase is history is a question about that clock, not about ours. */

/** Below this the difference is the rounding of the Date header and the network, not a wrong clock. */
const TRUSTED_MS = 1500;

/**
 * How far the server's clock is ahead of ours, from its Date header (whole seconds, so half a second is added) at the
 * middle of the exchange. 0 when the clocks agree or the header is missing.
 */
export function skewFrom(dateHeader: string | null, sentAtMs: number, receivedAtMs: number): number {
  const server = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
  if (Number.isNaN(server)) return 0;
  const skew = server + 500 - (sentAtMs + receivedAtMs) / 2;
  return Math.abs(skew) < TRUSTED_MS ? 0 : skew;
}
