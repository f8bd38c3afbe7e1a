// Whether a person is told on this device: what the browser, the server and the person say to it, and what is so after all three. The
// subscription is of one person; whoever comes after ends it.

import type { Held } from "./subscription";

export type Stage = "asking" | "on" | "off" | "blocked" | "insecure" | "unsupported";

/** What the browser can. */
export interface Device {
  able(): "yes" | "insecure" | "unsupported";
  permission(): NotificationPermission;
  ask(): Promise<NotificationPermission>;
  held(): Promise<Held | null>;
  subscribe(key: string): Promise<Held>;
  /** Ends the subscription and lets the worker go. */
  end(): Promise<void>;
  /** Takes away what is shown. */
  clear(): Promise<void>;
  /** Does it while no other window of this browser does any such thing. */
  alone(deed: () => Promise<void>): Promise<void>;
  /** The other windows look again. */
  changed(): void;
}

/** What the server is asked. */
export interface Office {
  key(): Promise<string>;
  keep(held: Held): Promise<void>;
  forget(held: Held): Promise<void>;
  /** Whether a failure is an answer, which is the same tomorrow. */
  refuses(failure: unknown): boolean;
  /** Why, of whatever failed: the server, or the browser's push service. */
  words(failure: unknown): string;
}

/** Who wanted it; the worker reads it too. */
export interface Mark {
  whose(): Promise<string | null>;
  setWhose(person: string | null): Promise<void>;
}

export const SERVICE_SILENT = "The browser's push service did not answer. Check that you are online, and that nothing keeps the browser from it, then try again.";
export const NOT_ALLOWED = "The browser was not told yes. Try again, and choose “Allow” when it asks.";
const STILL_ON = "The browser did not let it go. Try again, or take back the permission in its settings for this site.";
const SERVER_UNTOLD = "It is off. The server could not be told, and finds out by itself.";

export class Telling {
  stage: Stage = "asking";
  why = "";
  /** One thing after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    readonly me: string,
    readonly device: Device,
    readonly office: Office,
    readonly mark: Mark,
    readonly changed: (stage: Stage, why: string) => void,
  ) {}

  /** Finds out what is so, and mends what was cut off from the session that is now. */
  look(): Promise<void> {
    return this.#next(() => this.device.alone(() => this.#look()));
  }

  /** The person wants to be told. To be called while a key or button is pressed: some browsers ask then only. */
  on(): Promise<void> {
    const asked = this.device.ask();
    return this.#next(() => this.#allowed(asked)).finally(() => this.device.changed());
  }

  off(): Promise<void> {
    return this.#next(() => this.device.alone(() => this.#off())).finally(() => this.device.changed());
  }

  /** The session is over, by the person's own word: nothing is left on this device. */
  leave(): Promise<void> {
    const deed = async (): Promise<void> => {
      if ((await this.mark.whose()) !== null) await this.#end();
      this.#is("off");
    };
    return this.#next(() => this.device.alone(deed));
  }

  #next(deed: () => Promise<void>): Promise<void> {
    if (this.device.able() !== "yes") {
      this.#is(this.device.able() as Stage);
      return Promise.resolve();
    }
    const failed = (): void => this.#is("off", SERVICE_SILENT);
    this.#last = this.#last.then(deed).catch(failed);
    return this.#last;
  }

  #is(stage: Stage, why = ""): void {
    [this.stage, this.why] = [stage, why];
    this.changed(stage, why);
  }

  async #look(): Promise<void> {
    const [held, whose] = await Promise.all([this.device.held(), this.mark.whose()]);
    const permission = this.device.permission();
    const mine = whose === this.me && permission === "granted";
    if (!mine && (held || whose !== null)) await this.#end();
    if (permission === "denied") return this.#is("blocked");
    if (!mine) return this.#is("off", this.stage === "off" ? this.why : "");
    let now = held;
    try {
      const key = await this.office.key();
      if (now && now.key !== null && now.key !== key) {
        await this.device.end();
        now = null;
      }
      now ??= await this.device.subscribe(key);
      // To the server it hangs on the session, which may be another one than it was begun in.
      await this.office.keep(now);
      this.#is("on");
    } catch (failure) {
      // What was no answer is tried again when the page is opened.
      if (this.office.refuses(failure)) await this.#end();
      else if (now) return this.#is("on");
      this.#is("off", this.office.words(failure));
    }
  }

  /** Whoever is asked may take long: the other windows do not wait for that. */
  async #allowed(asked: Promise<NotificationPermission>): Promise<void> {
    this.#is("asking");
    const permission = await asked;
    if (permission === "denied") this.#is("blocked");
    else if (permission !== "granted") this.#is("off", NOT_ALLOWED);
    else await this.device.alone(() => this.#on());
  }

  async #on(): Promise<void> {
    let held: Held;
    try {
      const key = await this.office.key();
      const there = await this.device.held();
      // One that is there may be of another key, or of somebody else; or another window was first.
      const mine = there !== null && there.key === key && (await this.mark.whose()) === this.me;
      if (there && !mine) await this.device.end();
      held = there && mine ? there : await this.device.subscribe(key);
    } catch (failure) {
      return this.#is("off", this.office.words(failure));
    }
    try {
      await this.mark.setWhose(this.me);
      await this.office.keep(held);
      this.#is("on");
    } catch (failure) {
      await this.#end();
      this.#is("off", this.office.words(failure));
    }
  }

  async #off(): Promise<void> {
    this.#is("asking");
    const held = await this.device.held();
    try {
      await this.#end();
    } catch {
      return this.#is("on", STILL_ON);
    }
    try {
      if (held) await this.office.forget(held);
      this.#is("off");
    } catch (failure) {
      // Not there is as good as forgotten.
      this.#is("off", this.office.refuses(failure) ? "" : SERVER_UNTOLD);
    }
  }

  async #end(): Promise<void> {
    await this.device.clear();
    await this.device.end();
    await this.mark.setWhose(null);
  }
}
