// Files that wait to be sent in a room with what is written. They belong to the room and not to what is on the screen: whoever looks
// elsewhere while they are on their way loses none of them.

import { doing } from "../state/doing.svelte";
import { box, newName } from "../state/outbox.svelte";
import { who } from "../state/session.svelte";
import { MOST, Upload, type Sent } from "../state/uploads.svelte";
import { draftOf, keepDraft } from "../talk/drafts";

/** What is said, and what it answers. */
export interface Words {
  content: string;
  reply_to: number | null;
  quoted: { sender: string | null; content: string } | null;
}

export class Attaching {
  all = $state.raw<Upload[]>([]);
  /** Said while files were on their way: it goes with them, when they are there. */
  waits = $state.raw<Words | null>(null);

  constructor(readonly room: string) {}

  add(files: File[]): void {
    const left = MOST - this.all.length;
    if (files.length > left) doing.say(`${MOST} files at a time. Send these first.`);
    this.all = [...this.all, ...files.slice(0, Math.max(0, left)).map((file) => this.#upload(file, file.name, null))];
  }

  /** A voice note goes by itself, as soon as it is there. */
  voice(blob: Blob, name: string, ms: number): void {
    this.all = [...this.all, this.#upload(blob, name, ms)];
    this.waits ??= { content: "", reply_to: null, quoted: null };
  }

  /** A file that is with the server already, of a message that was refused. */
  takeBack(file: Sent): void {
    this.all = [...this.all, Upload.there(this.room, file)];
  }

  drop(upload: Upload): void {
    upload.cancel();
    this.all = this.all.filter((one) => one !== upload);
    this.#go();
  }

  /** All of them are with the server. */
  get ready(): boolean {
    return this.all.every((one) => one.stage === "there");
  }

  get failed(): boolean {
    return this.all.some((one) => one.stage === "failed");
  }

  /** Takes what is said, now or for when its files are there. False where it is not taken: the words stay with who wrote them. */
  say(words: Words): boolean {
    // What waits already is not held up, nor is what is said after it.
    if (this.waits) return words.content === "" || this.#say(words, null);
    if (this.failed) {
      doing.say("A file did not arrive. Try it again or take it out, then send.");
      return false;
    }
    if (this.ready) return this.#send(words);
    this.waits = words;
    return true;
  }

  #upload(source: Blob, name: string, ms: number | null): Upload {
    return new Upload(this.room, source, name, ms, () => this.#go());
  }

  #go(): void {
    const words = this.waits;
    if (!words || !this.ready) return;
    if (this.all.length === 0 && words.content === "") this.waits = null;
    else if (this.#send(words)) this.waits = null;
  }

  /** The words go with the first file; the others follow by themselves. What is not kept stays. */
  #send(words: Words): boolean {
    const parts = this.all.length > 0 ? this.all : [null];
    for (const [at, upload] of parts.entries()) {
      const said = at === 0 ? words : { ...words, content: "" };
      if (!this.#say(said, upload?.file ?? null)) return at > 0;
      this.all = this.all.filter((one) => one !== upload);
    }
    return true;
  }

  #say(words: Words, file: Sent | null): boolean {
    const kept = box.say({
      ...words, room: this.room, client_id: newName(), at_ms: Date.now(),
      file: file ? { id: file.id, name: file.name, kind: file.kind, bytes: file.bytes } : null,
    });
    if (!kept) doing.say("So many messages wait to be sent already. Wait until you are online.");
    return kept;
  }
}

const rooms = new Map<string, Attaching>();

/** What waits in a room, whoever looks at it. */
export function attachingOf(room: string): Attaching {
  for (const [id, one] of rooms) if (one.all.length === 0 && !one.waits && id !== room) rooms.delete(id);
  const there = rooms.get(room) ?? new Attaching(room);
  rooms.set(room, there);
  return there;
}

// A session that is over takes no file. What was written beside one is a draft again, except of whoever signed out.
who.ended.add((left) => {
  for (const [room, { all, waits }] of rooms) {
    for (const upload of all) upload.cancel();
    if (!left && waits?.content && draftOf(room) === "") keepDraft(room, waits.content);
  }
  rooms.clear();
});
