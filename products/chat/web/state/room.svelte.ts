// One room, as it is looked at. It is read and listened to at the same time; where the reading is older than the listening, it is read again.

import { ApiError } from "@console/shared/api";
import { live } from "@console/shared/live";
import type { Entry, Page, Pin } from "../contract";
import { visible } from "../model/hidden";
import * as lines from "../model/timeline";
import { Until } from "../model/until";
import { around } from "./around.svelte";
import { doing } from "./doing.svelte";
import { Hides } from "./hides.svelte";
import { net } from "./net.svelte";
import { box } from "./outbox.svelte";
import { learn, nameOf, isKnown } from "./people.svelte";
import { rooms } from "./rooms.svelte";
import { mayHelp, server, wordsOf } from "./server";
import { who } from "./session.svelte";

const PAGE = 50;
/** As much as the server answers with at once. */
const PAGES = 200;
/** After older or newer messages could not be read, they are not asked for within this, milliseconds. */
const AFTER_FAILURE_MS = 2_000;
/** Of a message that is jumped to so many on each side are read. */
const BESIDE = 30;

export class Room {
  timeline: lines.Timeline = $state.raw(lines.EMPTY);
  stage = $state<"reading" | "there" | "gone" | "failed">("reading");
  why = $state("");
  /** Up to where it was read when it was opened: the line of what is new stands there. */
  newAfter = $state<number | null>(null);
  #pins = $state.raw<Pin[]>([]);
  readonly hides: Hides;
  /** What is shown: the timeline is what the room's channel tells everybody. */
  messages = $derived.by(() => visible(this.timeline.messages, this.hides.all));
  pins = $derived.by(() => this.#pins.filter((pin) => !this.hides.all.has(pin.message.seq)));
  /** For who listens instead of looking: what just came. */
  announced = $state("");
  /** Messages of others that came while it was looked at further up. */
  below = $state(0);
  /** Something was lost on the way and is not read again yet: what is on the page may not be what was said. */
  behind = $state(false);
  #stop: () => void;
  #listening = 0;
  #loading = false;
  #notBefore = 0;
  #read = 0;
  #reading: ReturnType<typeof setTimeout> | undefined;
  /** Its list of rooms was not read yet when it was opened: how far it was read says the room itself. */
  #asksWhere = false;
  /** Messages of which nobody knows whether what was done to them arrived. */
  #doubtful = new Set<number>();
  #anew = new Until(() => this.#again(), (failure) => this.#failed(failure));
  #people = new Until(() => this.members(), mayHelp);
  #receipts = new Until(() => server.receive(this.id, { read: this.#read }), mayHelp);
  #doubts = new Until(() => this.#check(), mayHelp);

  constructor(readonly id: string) {
    const connection = live();
    const subscription = connection.newSubscription(`chat:${id}`);
    subscription.on("publication", ({ data }) => this.#take(data as Entry));
    subscription.on("subscribed", ({ streamPosition, wasRecovering, recovered }) => {
      this.#listening = Math.max(this.#listening, streamPosition?.offset ?? 0);
      const behind = this.timeline.top > 0 && this.timeline.top < this.#listening && !(wasRecovering && recovered);
      if (behind || (wasRecovering && !recovered)) this.#late();
    });
    // Code 0 is our own.
    subscription.on("unsubscribed", ({ code }) => code !== 0 && this.#refused());
    subscription.subscribe();
    // Receipts are kept nowhere: whoever comes, or comes back, reads the members behind it.
    const receipts = connection.newSubscription(`chat_seen:${id}`);
    receipts.on("publication", ({ data }) => (this.timeline = lines.withReceipts(this.timeline, (data as { people: lines.Moved[] }).people)));
    receipts.on("subscribed", () => this.#people.want());
    receipts.subscribe();
    const sent = (message: Parameters<typeof lines.withSent>[1]): void => {
      if (message.room === id) this.timeline = lines.withSent(this.timeline, message);
    };
    box.sent.add(sent);
    const waiting = [this.#anew, this.#people, this.#receipts, this.#doubts];
    const heard = net.onBack(() => waiting.forEach((one) => one.now()));
    this.hides = new Hides(id, (seq, on) => this.#hidden(seq, on));
    this.#stop = () => {
      heard();
      this.hides.stop();
      waiting.forEach((one) => one.stop());
      box.sent.delete(sent);
      connection.removeSubscription(subscription);
      connection.removeSubscription(receipts);
    };
    void this.#begin();
  }

  close(): void {
    this.#stop();
  }

  /** It is no longer there for this person; should it come back, it is another one. */
  end(): void {
    if (kept.get(this.id) === this) kept.delete(this.id);
    this.#stop();
    this.stage = "gone";
  }

  /** It is opened: up to where was it read? */
  opened(): void {
    const line = rooms.line(this.id);
    this.#asksWhere = line === undefined;
    this.newAfter = line && line.unread > 0 ? line.read : null;
  }

  #refused(): void {
    this.end();
    void who.look();
  }

  get newest(): number {
    return this.timeline.messages.at(-1)?.seq ?? 0;
  }

  async #begin(): Promise<void> {
    await this.#guarded(async () => {
      const [, page] = await Promise.all([this.members(), this.#page({ limit: PAGE }), this.hides.read()]);
      this.timeline = lines.reread(this.timeline, page);
      this.stage = "there";
      if (page.top < this.#listening) this.#late();
    });
    void this.readPins();
  }

  retry(): void {
    this.stage = "reading";
    void this.#begin();
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.why = "";
    } catch (failure) {
      this.why = wordsOf(failure);
      if (this.stage === "there") {
        if (doing.word !== this.why) doing.say(this.why);
      } else if (this.stage !== "gone") this.stage = failure instanceof ApiError && failure.status === 404 ? "gone" : "failed";
    }
  }

  async members(): Promise<void> {
    const settled = rooms.reading();
    const whole = await server.room(this.id);
    if (this.#asksWhere) this.newAfter = whole.unread > 0 ? whole.read : null;
    this.#asksWhere = false;
    rooms.put(whole);
    settled([this.id]);
    const gone = new Set(whole.gone);
    this.timeline = lines.withMembers(this.timeline, whole.members.map((one) => ({ ...one, gone: gone.has(one.person) })));
  }

  #late(): void {
    this.behind = true;
    this.#anew.want();
  }

  /** Of reading again: it goes on until it worked, or there is nothing to read any more. */
  #failed(failure: unknown): boolean {
    const again = failure !== null && mayHelp(failure);
    if (failure === null) this.behind = false;
    else if (failure instanceof ApiError && failure.status === 404) this.end();
    else if (!again) doing.say(wordsOf(failure));
    return again;
  }

  /** What is on the page is read again; it fails where that is not as new as what is listened to. */
  async #again(): Promise<void> {
    const { messages, moreAfter } = this.timeline;
    const middle = messages[Math.floor(messages.length / 2)];
    const listening = this.#listening;
    let top: number;
    if (moreAfter && middle) top = await this.#around(middle.seq);
    else {
      const page = await this.#page({ limit: Math.max(PAGE, Math.min(PAGES, messages.length)) });
      this.timeline = lines.reread(this.timeline, page);
      ({ top } = page);
    }
    if (top < listening) throw new Error("older than what is listened to");
  }

  async #page(at: { before?: number; after?: number; limit?: number }): Promise<Page> {
    const page = await server.messages(this.id, at);
    learn(page.people);
    return page;
  }

  async older(): Promise<void> {
    const first = this.timeline.messages[0]?.seq;
    if (!first || !this.timeline.moreBefore) return;
    await this.#once(async () => (this.timeline = lines.withOlder(this.timeline, await this.#page({ before: first, limit: PAGE }))));
  }

  async newer(): Promise<void> {
    if (!this.timeline.moreAfter) return;
    await this.#once(async () => (this.timeline = lines.withNewer(this.timeline, await this.#page({ after: this.newest, limit: PAGE }))));
  }

  async #once(act: () => Promise<unknown>): Promise<void> {
    // What scrolls asks often: after a failure not at once again.
    if (this.#loading || Date.now() < this.#notBefore) return;
    this.#loading = true;
    await this.#guarded(async () => {
      this.#notBefore = Date.now() + AFTER_FAILURE_MS;
      await act();
      this.#notBefore = 0;
    });
    this.#loading = false;
  }

  /** Has a message on the page, wherever in the room it is. */
  async reach(seq: number): Promise<void> {
    if (this.timeline.messages.some((message) => message.seq === seq)) return;
    await this.#guarded(async () => void (await this.#around(seq)));
  }

  /** Answers as of when it was read. */
  async #around(seq: number): Promise<number> {
    const [before, after] = await Promise.all([this.#page({ before: seq, limit: BESIDE }), this.#page({ after: seq - 1, limit: BESIDE })]);
    this.timeline = lines.around(this.timeline, before, after);
    return Math.min(before.top, after.top);
  }

  async toNewest(): Promise<void> {
    this.below = 0;
    if (!this.timeline.moreAfter) return;
    await this.#guarded(async () => {
      this.timeline = lines.withNewest(this.timeline, await this.#page({ limit: PAGE }));
    });
  }

  #take(entry: Entry): void {
    if (lines.misses(this.timeline, entry)) {
      this.#listening = Math.max(this.#listening, entry.seq);
      this.#late();
    }
    const before = this.newest;
    this.timeline = lines.withEntry(this.timeline, entry, who.me.id);
    const { body } = entry;
    // What was said aloud stands nowhere either, once it is taken back.
    if (/^message\.(deleted|edited)$/.test(entry.type)) this.announced = "";
    if (entry.type === "message.sent" && body) {
      box.drop(body.client_id);
      around.spoke(this.id, body.sender);
      if (!isKnown(body.sender)) this.#people.want();
      if (body.sender !== who.me.id && entry.seq > before && !this.hides.all.has(entry.seq)) {
        this.below += 1;
        this.announced = `${nameOf(body.sender)}: ${body.content}`;
      }
    }
    if (/^(member\.|room\.changed)/.test(entry.type) && entry.person !== who.me.id) this.#people.want();
    if (/^(pin\.|message\.(deleted|edited))/.test(entry.type) && (entry.type.startsWith("pin") || this.#pins.some((pin) => pin.message.seq === entry.message))) void this.readPins();
  }

  /** It was looked at up to here. The server is told once in a while. */
  seen(seq: number): void {
    // What nobody could see yet was not read.
    if (this.behind) return;
    this.below = 0;
    if (seq <= this.#read) return;
    this.#read = seq;
    rooms.readUpTo(this.id, seq);
    this.#reading ??= setTimeout(() => {
      this.#reading = undefined;
      this.#receipts.want();
    }, 250);
  }

  async react(seq: number, emoji: string): Promise<string> {
    const message = this.timeline.messages.find((one) => one.seq === seq);
    const on = !message?.reactions.find((one) => one.emoji === emoji)?.mine;
    const put = (shown: boolean): void => {
      this.timeline = lines.withChanged(this.timeline, seq, (old) => ({ ...old, reactions: lines.reacted(old.reactions, emoji, shown, true) }));
    };
    put(on);
    return await this.#ahead(seq, () => server.react(this.id, seq, emoji, on), () => put(!on));
  }

  async edit(seq: number, content: string): Promise<string> {
    const before = this.timeline.messages.find((one) => one.seq === seq);
    const put = (text: string, edited: number | null): void => {
      this.timeline = lines.withChanged(this.timeline, seq, (old) => ({ ...old, content: text, edited_at_ms: edited }));
    };
    if (!before || before.content === content) return "";
    put(content, Date.now());
    return await this.#ahead(seq, () => server.edit(this.id, seq, content), () => put(before.content, before.edited_at_ms));
  }

  async erase(seq: number): Promise<string> {
    const before = this.timeline.messages.find((one) => one.seq === seq);
    this.timeline = lines.withChanged(this.timeline, seq, (old) => ({ ...old, deleted: true, content: "" }));
    return await this.#ahead(seq, () => server.erase(this.id, seq), () => {
      if (before) this.timeline = lines.withChanged(this.timeline, seq, () => before);
    });
  }

  #hidden(seq: number, on: boolean): void {
    const { messages } = this.timeline;
    if (on) this.announced = "";
    // The room may have been read without what is shown again.
    else if (seq >= (messages[0]?.seq ?? 0) && !messages.some((one) => one.seq === seq)) this.#anew.want();
  }

  async pin(seq: number, on: boolean): Promise<string> {
    return await this.#ahead(seq, () => (on ? server.pin(this.id, seq) : server.unpin(this.id, seq)), () => {});
  }

  async readPins(): Promise<void> {
    try {
      this.#pins = (await server.pins(this.id)).items;
    } catch {
      // The room is shown without them; the next change reads them again.
    }
  }

  /**
   * Does what is shown already; takes it back when the server will not, where nothing was told of that message since. Where the answer
   * was lost nobody knows: then the message is read again. Answers why, for people, or nothing.
   */
  async #ahead(seq: number, act: () => Promise<unknown>, back: () => void): Promise<string> {
    const asOf = (): number | undefined => this.timeline.messages.find((one) => one.seq === seq)?.asOf;
    const before = asOf();
    try {
      await act();
      return "";
    } catch (failure) {
      const untold = asOf() === before;
      if (untold) back();
      if (!untold || mayHelp(failure)) {
        this.#doubtful.add(seq);
        this.#doubts.want();
      }
      return wordsOf(failure);
    }
  }

  async #check(): Promise<void> {
    for (const seq of [...this.#doubtful]) {
      this.timeline = lines.refreshed(this.timeline, await this.#page({ after: seq - 1, limit: 1 }));
      this.#doubtful.delete(seq);
    }
  }
}

/** Rooms that were looked at stay at hand: going back to one takes no time. */
const KEPT = 8;
const kept = new Map<string, Room>();

export function roomOf(id: string): Room {
  const room = kept.get(id) ?? new Room(id);
  kept.delete(id);
  kept.set(id, room);
  const [oldest] = kept;
  if (kept.size > KEPT && oldest) {
    oldest[1].close();
    kept.delete(oldest[0]);
  }
  return room;
}

export function forgetRoom(id: string): void {
  kept.get(id)?.end();
}

rooms.onNotice((notice) => {
  if (notice.type === "left") forgetRoom(notice.room);
});
