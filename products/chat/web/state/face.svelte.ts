// A picture on its way from somebody's files to everybody's pages: chosen, looked at, sent up with progress, shown.

import { ApiError } from "@console/shared/api";
import { FACE_BYTES } from "../contract";
import { faceWords, middleOf } from "../model/face";
import { changeFace, faceOf } from "./people.svelte";
import { giveFace, server } from "./server";
import { who } from "./session.svelte";

/** As large as the server shows it, pixels; and what is sent in place of a file that is too large. */
const SHOWN = 400;
const SENT = 800;

export class FaceChange {
  stage = $state<"quiet" | "chosen" | "going" | "dropping">("quiet");
  /** Its middle, as a data: address. */
  preview = $state("");
  share = $state(0);
  /** What went wrong and what to do, for people. */
  why = $state("");
  /** What was done, for who listens instead of looking. */
  done = $state("");
  #picture: Blob | null = null;
  #giveUp = new AbortController();

  /** Of `id`: a person's own, or with `group` that of a group. */
  constructor(readonly id: () => string, private readonly group: () => string | null) {}

  async choose(file: Blob): Promise<void> {
    this.cancel();
    const { signal } = this.#giveUp;
    try {
      const bitmap = await createImageBitmap(file);
      if (signal.aborted) return;
      this.#picture = file.size <= FACE_BYTES ? file : await smaller(bitmap);
      this.preview = middle(bitmap, SHOWN).toDataURL("image/jpeg", 0.85);
      bitmap.close();
      this.stage = "chosen";
    } catch (failure) {
      this.why = faceWords(failure);
    }
  }

  /** Nothing was chosen, and what is under way is given up. */
  cancel(): void {
    this.#giveUp.abort();
    this.#giveUp = new AbortController();
    this.#picture = null;
    [this.preview, this.why, this.done, this.share, this.stage] = ["", "", "", 0, "quiet"];
  }

  async send(): Promise<void> {
    if (!this.#picture) return;
    const { signal } = this.#giveUp;
    [this.stage, this.why, this.share] = ["going", "", 0];
    try {
      const { avatar } = await giveFace(this.group(), this.#picture, (share) => (this.share = share), signal);
      changeFace(this.id(), avatar);
      this.cancel();
      this.done = "The picture is changed.";
    } catch (failure) {
      if (signal.aborted) return;
      this.#failed(failure, "chosen");
    }
  }

  async drop(): Promise<void> {
    [this.stage, this.why, this.done] = ["dropping", "", ""];
    try {
      await server.dropFace(this.group());
      changeFace(this.id(), null);
      [this.stage, this.done] = ["quiet", "The picture is removed."];
    } catch (failure) {
      this.#failed(failure, "quiet");
    }
  }

  get there(): boolean {
    return faceOf(this.id()) !== undefined;
  }

  /** What was chosen stays, for another try. */
  #failed(failure: unknown, stage: "chosen" | "quiet"): void {
    [this.stage, this.why] = [stage, faceWords(failure)];
    // A request with progress is none of those that end a session by themselves.
    if (failure instanceof ApiError && failure.status === 401) void who.look();
  }
}

function middle(bitmap: ImageBitmap, most: number): HTMLCanvasElement {
  const { x, y, side } = middleOf(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.min(most, side);
  canvas.getContext("2d")?.drawImage(bitmap, x, y, side, side, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** In place of a file that is too large. */
async function smaller(bitmap: ImageBitmap): Promise<Blob> {
  const made = await new Promise<Blob | null>((done) => middle(bitmap, SENT).toBlob(done, "image/png"));
  if (!made) throw new TypeError("no encoder");
  return made;
}
