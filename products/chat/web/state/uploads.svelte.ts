// Files on their way into a room: made smaller where they are pictures, sent up with progress, then handed to a message.

import { ApiError } from "@console/shared/api";
import { FILE_BYTES, type FileOf } from "../contract";
import { Turns } from "../model/turns";
import { net } from "./net.svelte";
import { mayHelp, upload, uploadWords } from "./server";
import { who } from "./session.svelte";

/** A picture's longer side, pixels. */
const PIXELS = 1920;
const QUALITY = 0.85;
/** Files that wait at a time. */
export const MOST = 10;
/** Files that are sent up at a time; the others wait for their turn. */
const turns = new Turns(3);

/** What is known of a file that is with the server. */
export type Sent = Pick<FileOf, "id" | "name" | "bytes"> & { kind: string };

export class Upload {
  share = $state(0);
  stage = $state<"reading" | "going" | "there" | "failed">("reading");
  why = $state("");
  /** A small picture of it, as a data: address. */
  thumbnail = $state("");
  file = $state.raw<Sent | null>(null);
  readonly name: string;
  readonly key = Math.random();
  #giveUp = new AbortController();
  /** Of one that failed: stops waiting for the net. */
  #deaf: () => void = () => {};

  constructor(readonly room: string, readonly source: Blob, name: string, readonly durationMs: number | null, private readonly there: () => void, sent: Sent | null = null) {
    this.name = name || "file";
    if (sent) [this.file, this.stage] = [sent, "there"];
    else void this.#go();
  }

  /** One that is with the server already. */
  static there(room: string, sent: Sent): Upload {
    return new Upload(room, new Blob(), sent.name, sent.kind === "audio" ? 0 : null, () => {}, sent);
  }

  retry(): void {
    this.#deaf();
    this.#giveUp = new AbortController();
    void this.#go();
  }

  cancel(): void {
    this.#deaf();
    this.#giveUp.abort();
  }

  async #go(): Promise<void> {
    const { signal } = this.#giveUp;
    this.stage = "reading";
    [this.why, this.share] = ["", 0];
    const end = await turns.take();
    try {
      if (signal.aborted) return;
      const { blob, name, thumbnail } = await small(this.source, this.name);
      this.thumbnail = thumbnail;
      if (blob.size > FILE_BYTES) throw new RangeError("too large");
      if (signal.aborted) return;
      this.stage = "going";
      this.file = await upload(this.room, blob, name, this.durationMs, (share) => (this.share = share), signal);
      this.stage = "there";
      this.there();
    } catch (failure) {
      if (signal.aborted) return;
      this.why = failure instanceof RangeError ? "The file is larger than 10 MiB. Make it smaller, or share a link to it." : uploadWords(failure);
      this.stage = "failed";
      // Whoever was cut off need not ask again; what was refused stays refused.
      if (mayHelp(failure) && !(failure instanceof RangeError)) this.#deaf = net.onBack(() => this.retry());
      // This request is none of those that end a session by themselves.
      if (failure instanceof ApiError && failure.status === 401) void who.look();
    } finally {
      end();
    }
  }
}

const SHRINKS = /^image\/(jpeg|png|webp|bmp|avif)$/;

/** A picture of at most 1920 pixels, where that is smaller; anything else as it is. Moving pictures keep moving. */
async function small(source: Blob, name: string): Promise<{ blob: Blob; name: string; thumbnail: string }> {
  if (!source.type.startsWith("image/")) return { blob: source, name, thumbnail: "" };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch {
    // What calls itself a picture and is none: the server looks at it.
    return { blob: source, name, thumbnail: "" };
  }
  const thumbnail = drawn(bitmap, 160).toDataURL("image/jpeg", 0.7);
  const large = Math.max(bitmap.width, bitmap.height) > PIXELS || source.size > 512 * 1024;
  if (!SHRINKS.test(source.type) || !large) return { blob: source, name, thumbnail };
  const canvas = drawn(bitmap, PIXELS);
  bitmap.close();
  const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/webp", QUALITY));
  // Where there is no encoder for WebP a PNG comes back.
  if (!made || made.size >= source.size) return { blob: source, name, thumbnail };
  const ending = made.type === "image/webp" ? ".webp" : ".png";
  return { blob: made, name: name.replace(/\.[a-z0-9]+$/i, "") + ending, thumbnail };
}

function drawn(bitmap: ImageBitmap, most: number): HTMLCanvasElement {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}
