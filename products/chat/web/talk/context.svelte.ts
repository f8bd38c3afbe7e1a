// What the parts of one open conversation share: what is answered, what is edited, where the focus belongs.

import { tick } from "svelte";
import type { Unsent } from "../model/outbox";
import type { Known } from "../model/timeline";
import { doing } from "../state/doing.svelte";
import type { Room } from "../state/room.svelte";
import { who } from "../state/session.svelte";

export class Talk {
  answers = $state.raw<Known | null>(null);
  edits = $state.raw<Known | null>(null);
  /** The message whose menu is open, and where. */
  menu = $state.raw<{ message: Known; at: DOMRect; picks: boolean } | null>(null);
  /** A picture that is looked at. */
  picture = $state.raw<{ id: string; name: string } | null>(null);
  /** Puts the caret into the box; set by the composer. */
  focus: () => void = () => {};
  /** Puts a message that was refused into the box, to be written anew; set by the composer. */
  rewrite: (one: Unsent) => void = () => {};

  constructor(readonly room: Room) {}

  answer(message: Known): void {
    [this.answers, this.edits] = [message, null];
    this.focus();
  }

  edit(message: Known): void {
    [this.answers, this.edits] = [null, message];
    this.focus();
  }

  /** What one said last here, to say it better. */
  editLast(): void {
    const last = this.room.messages.findLast((one) => one.sender === who.me.id && !one.deleted && one.content !== "");
    if (last) this.edit(last);
  }

  /** Deletes a message for this person alone, with a way back. */
  async hide(message: Known): Promise<void> {
    this.menu = null;
    const rows = [...document.querySelectorAll<HTMLElement>("article[data-seq]")];
    const at = rows.findIndex((row) => row.dataset.seq === String(message.seq));
    const beside = rows[at + 1] ?? rows[at - 1];
    const { room } = this;
    const done = room.hides.put(message.seq, true);
    await tick();
    // Whoever was on it by the keyboard is on the next one.
    if (document.activeElement === null || document.activeElement === document.body) beside?.focus();
    const why = await done;
    if (why === "") doing.say("Deleted for you.", () => void room.hides.put(message.seq, false).then((word) => doing.say(word)));
    else doing.say(why);
  }

  /** Nothing that is hidden is still at hand. */
  drop(hidden: ReadonlySet<number>): void {
    if (this.answers && hidden.has(this.answers.seq)) this.answers = null;
    if (this.edits && hidden.has(this.edits.seq)) this.edits = null;
    if (this.menu && hidden.has(this.menu.message.seq)) this.menu = null;
  }

  async react(message: Known, emoji: string): Promise<void> {
    this.menu = null;
    doing.say(await this.room.react(message.seq, emoji));
  }
}
