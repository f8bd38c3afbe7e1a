import { describe, expect, it } from "vitest";
import { type Held, text } from "./subscription";
import { type Device, type Mark, NOT_ALLOWED, type Office, SERVICE_SILENT, type Stage, Telling } from "./telling";

/** A browser, a server and what is noted between them, each of which can fail. */
class World implements Device, Office, Mark {
  can: "yes" | "insecure" | "unsupported" = "yes";
  allowed: NotificationPermission = "default";
  answer: NotificationPermission = "granted";
  subscription = null as Held | null;
  owner: string | null = null;
  serverKey = "key";
  told = new Set<string>();
  silent = false;
  clings = false;
  away: unknown = null;
  refused: unknown = null;
  cleared = 0;
  stages: Stage[] = [];
  #made = 0;

  able = (): "yes" | "insecure" | "unsupported" => this.can;
  permission = (): NotificationPermission => this.allowed;
  ask = async (): Promise<NotificationPermission> => (this.allowed = this.allowed === "default" ? this.answer : this.allowed);
  held = async (): Promise<Held | null> => this.subscription;
  async subscribe(key: string): Promise<Held> {
    if (this.silent) throw new DOMException("push service error", "AbortError");
    this.#made += 1;
    return (this.subscription = { key, given: { endpoint: `https://push.example/${this.#made}`, keys: { p256dh: "p", auth: "a" } } });
  }
  async end(): Promise<void> {
    if (this.clings) throw new Error("the subscription stays");
    this.subscription = null;
  }
  clear = async (): Promise<void> => void (this.cleared += 1);
  /** The windows of this browser. */
  tabs: Telling[] = [];
  #last: Promise<void> = Promise.resolve();
  alone(deed: () => Promise<void>): Promise<void> {
    const done = this.#last.then(deed);
    this.#last = done.catch(() => {});
    return done;
  }
  changed(): void {
    for (const tab of this.tabs) void tab.look();
  }
  async key(): Promise<string> {
    this.#answers();
    return this.serverKey;
  }
  async keep(held: Held): Promise<void> {
    this.#answers();
    if (this.refused) throw this.refused;
    this.told.add(held.given.endpoint);
  }
  async forget(held: Held): Promise<void> {
    this.#answers();
    if (!this.told.delete(held.given.endpoint)) throw "not found";
  }
  #answers(): void {
    if (this.away) throw this.away;
  }
  refuses = (failure: unknown): boolean => failure !== this.away;
  words = (failure: unknown): string => (failure instanceof DOMException ? SERVICE_SILENT : String(failure));
  whose = async (): Promise<string | null> => this.owner;
  setWhose = async (person: string | null): Promise<void> => void (this.owner = person);
  telling = (me = "usr_a"): Telling => new Telling(me, this, this, this, (stage) => this.stages.push(stage));
}

/** Where somebody is told. */
async function told(): Promise<World> {
  const world = new World();
  await world.telling().on();
  expect([world.told.size, world.owner]).toEqual([1, "usr_a"]);
  return world;
}

describe("the switch", () => {
  it("goes on, asks once, and off again leaves nothing here or at the server", async () => {
    const world = new World();
    const telling = world.telling();
    await telling.look();
    await telling.on();
    expect([world.stages, [...world.told]]).toEqual([["off", "asking", "on"], ["https://push.example/1"]]);
    await telling.off();
    expect([telling.stage, telling.why, world.told.size, world.subscription, world.owner]).toEqual(["off", "", 0, null, null]);
  });

  it("says what it cannot", async () => {
    for (const can of ["insecure", "unsupported"] as const) {
      const world = new World();
      world.can = can;
      const telling = world.telling();
      await telling.look();
      expect([telling.stage, world.allowed]).toEqual([can, "default"]);
    }
  });

  it("is blocked where the browser says so, and not once it no longer does", async () => {
    const world = new World();
    world.answer = "denied";
    const telling = world.telling();
    await telling.on();
    expect(telling.stage).toBe("blocked");
    world.allowed = "default";
    await telling.look();
    expect(telling.stage).toBe("off");
    world.answer = "default";
    await telling.on();
    expect([telling.stage, telling.why]).toEqual(["off", NOT_ALLOWED]);
  });

  it("tells of what failed, and leaves nothing half done", async () => {
    const world = new World();
    const telling = world.telling();
    world.silent = true;
    await telling.on();
    expect([telling.stage, telling.why, world.owner]).toEqual(["off", SERVICE_SILENT, null]);
    world.silent = false;
    world.refused = "no such address";
    await telling.on();
    expect([telling.stage, telling.why, world.subscription, world.owner]).toEqual(["off", "no such address", null, null]);
    world.refused = null;
    world.away = "no connection";
    await telling.on();
    expect([telling.stage, telling.why, world.subscription]).toEqual(["off", "no connection", null]);
    world.away = null;
    await telling.on();
    expect([telling.stage, telling.why]).toEqual(["on", ""]);
  });

  it("stays on where the browser does not let go, and is off where the server cannot be told", async () => {
    const world = await told();
    const telling = world.telling();
    await telling.look();
    world.clings = true;
    await telling.off();
    expect(telling.stage).toBe("on");
    expect(telling.why).not.toBe("");
    [world.clings, world.away] = [false, "no connection"];
    await telling.off();
    expect([telling.stage, world.subscription]).toEqual(["off", null]);
    expect(telling.why).not.toBe("");
  });

  it("is off where the server had forgotten already", async () => {
    const world = await told();
    world.told.clear();
    const telling = world.telling();
    await telling.off();
    expect([telling.stage, telling.why]).toEqual(["off", ""]);
  });
});

describe("a page that is opened again", () => {
  it("has the server know the subscription in the session that is now", async () => {
    const world = await told();
    world.told.clear();
    const telling = world.telling();
    await telling.look();
    expect([telling.stage, [...world.told]]).toEqual(["on", ["https://push.example/1"]]);
  });

  it("begins one anew that was lost, or is of another key", async () => {
    const world = await told();
    await world.end();
    await world.telling().look();
    expect(world.told.has("https://push.example/2")).toBe(true);
    world.serverKey = "another";
    const telling = world.telling();
    await telling.look();
    expect([telling.stage, world.subscription?.key, world.told.has("https://push.example/3")]).toEqual(["on", "another", true]);
  });

  it("stays on without a connection, and is off with the reason where the server refuses", async () => {
    const world = await told();
    world.away = "no connection";
    const telling = world.telling();
    await telling.look();
    expect(telling.stage).toBe("on");
    [world.away, world.subscription] = ["no connection", null];
    await telling.look();
    expect([telling.stage, telling.why, world.owner]).toEqual(["off", "no connection", "usr_a"]);
    world.away = null;
    await telling.look();
    expect(telling.stage).toBe("on");
    world.refused = "too many";
    await telling.look();
    expect([telling.stage, telling.why, world.subscription]).toEqual(["off", "too many", null]);
  });

  it("is of somebody else: what was begun before ends, and is not taken over", async () => {
    const world = await told();
    const telling = world.telling("usr_b");
    await telling.look();
    expect([telling.stage, world.subscription, world.owner, world.cleared > 0]).toEqual(["off", null, null, true]);
    expect(world.told.has("https://push.example/2")).toBe(false);
  });

  it("finds that the permission was taken back", async () => {
    const world = await told();
    world.allowed = "denied";
    const telling = world.telling();
    await telling.look();
    expect([telling.stage, world.subscription, world.owner]).toEqual(["blocked", null, null]);
  });
});

describe("two windows of one browser", () => {
  async function two(): Promise<[World, Telling, Telling]> {
    const world = new World();
    const [one, other] = [world.telling(), world.telling()];
    world.tabs = [one, other];
    await Promise.all([one.look(), other.look()]);
    return [world, one, other];
  }

  it("have one switch", async () => {
    const [world, one, other] = await two();
    await one.on();
    await other.look();
    expect([one.stage, other.stage, world.told.size]).toEqual(["on", "on", 1]);
    await other.off();
    await one.look();
    expect([one.stage, other.stage, world.told.size, world.subscription, world.owner]).toEqual(["off", "off", 0, null, null]);
    await one.on();
    await Promise.all([one.leave(), other.leave()]);
    expect([one.stage, other.stage, world.subscription, world.owner]).toEqual(["off", "off", null, null]);
  });

  it("do not wait for who is still asked in one of them", async () => {
    const [world, one, other] = await two();
    let says = (_: NotificationPermission): void => {};
    world.ask = () => new Promise((resolve) => (says = (answer) => resolve((world.allowed = answer))));
    const on = one.on();
    await other.look();
    expect([one.stage, other.stage]).toEqual(["asking", "off"]);
    says("granted");
    await on;
    await other.look();
    expect([one.stage, other.stage]).toEqual(["on", "on"]);
  });

  it("leave nothing half done, whatever each does at the same time", async () => {
    const ends = new Set<string>();
    for (let deeds = 0; deeds < 3 ** 4; deeds += 1) {
      const [world, one, other] = await two();
      const done: Promise<void>[] = [];
      for (let step = 0, left = deeds; step < 4; step += 1, left = Math.floor(left / 3)) {
        done.push((step % 2 === 0 ? one : other)[(["on", "off", "look"] as const)[left % 3] ?? "look"]());
      }
      await Promise.all(done);
      await Promise.all([one.look(), other.look()]);
      ends.add([one.stage, other.stage, world.subscription !== null, world.owner, world.told.size].join(" "));
    }
    expect([...ends].sort()).toEqual(["off off false  0", "on on true usr_a 1"]);
  });
});

it("signing out leaves nothing on the device", async () => {
  const world = await told();
  await world.telling().leave();
  expect([world.subscription, world.owner, world.cleared]).toEqual([null, null, 1]);
});

it("what is done at once is done one after the other", async () => {
  const world = new World();
  const telling = world.telling();
  await Promise.all([telling.on(), telling.off(), telling.on()]);
  expect([telling.stage, world.told.size]).toEqual(["on", 1]);
});

it("keys are written as browsers and servers do", () => {
  const bytes = Uint8Array.from([4, 251, 255, 62, 63, 0]);
  expect(text.of(bytes.buffer)).toBe("BPv_Pj8A");
  expect(text.bytes("BPv_Pj8A")).toEqual(bytes);
  for (let length = 0; length < 9; length += 1) expect(text.bytes(text.of(bytes.slice(0, length).buffer))).toEqual(bytes.slice(0, length));
});
