// A picture that somebody chooses for themselves or for a group: what is taken, and what to do where it is not.

import { ApiError } from "@console/shared/api";

/** What a picture may be, as the system's dialogue is told. */
export const TAKEN = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/** Of what cannot be opened in a browser. */
export const UNREADABLE = "This file cannot be opened as a picture. Choose a JPEG, PNG, GIF or WebP.";

/** The largest square in the middle of a picture. */
export function middleOf(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), side };
}

/** Why a picture was not taken, and what to do, in a sentence. */
export function faceWords(failure: unknown): string {
  if (!(failure instanceof ApiError)) return UNREADABLE;
  const again = failure.retryAfterS ? `in ${failure.retryAfterS} s` : "in a moment";
  if (failure.status === 0) return "No connection. Try again when you are online.";
  if (failure.status === 403) return "Only who manages the group changes its picture.";
  if (failure.status === 404) return "You are not in this group any more.";
  if (failure.status === 413) return "The picture is larger than 5 MB. Choose a smaller one.";
  if (failure.status === 415) return failure.code === "not_taken" ? UNREADABLE : `${failure.detail} Choose another one.`;
  if (failure.status === 429) return `That was much in a short time. Try again ${again}.`;
  return failure.status >= 500 ? `The server could not keep it. Try again ${again}.` : failure.detail;
}
