// Files that wait in the box of a room to be sent with what is written.

import { MOST, Upload } from "../state/uploads.svelte";
import { doing } from "../state/doing.svelte";

export class Attaching {
  all = $state.raw<Upload[]>([]);

  constructor(readonly room: string) {}

  add(files: File[]): void {
    const left = MOST - this.all.length;
    if (files.length > left) doing.say(`${MOST} files at a time. Send these first.`);
    this.all = [...this.all, ...files.slice(0, Math.max(0, left)).map((file) => new Upload(this.room, file, file.name))];
  }

  voice(blob: Blob, name: string, ms: number): Upload {
    const upload = new Upload(this.room, blob, name, ms);
    this.all = [...this.all, upload];
    return upload;
  }

  drop(upload: Upload): void {
    upload.cancel();
    this.all = this.all.filter((one) => one !== upload);
  }

  /** All of them are with the server. */
  get ready(): boolean {
    return this.all.every((one) => one.stage === "there");
  }

  get failed(): boolean {
    return this.all.some((one) => one.stage === "failed");
  }

  take(): Upload[] {
    const all = this.all;
    this.all = [];
    return all;
  }
}
