import { ApiError } from "@console/shared/api";
import { beforeEach, expect, it, vi } from "vitest";

const world = vi.hoisted(() => ({ answers: [] as (Error | string)[], sent: [] as { group: string | null; bytes: number }[], dropped: [] as (string | null)[], looks: 0 }));
vi.mock("./session.svelte", () => ({ who: { look: () => (world.looks += 1) } }));
vi.mock("./server", () => ({
  async giveFace(group: string | null, picture: Blob, progress: (share: number) => void) {
    world.sent.push({ group, bytes: picture.size });
    progress(0.5);
    const answer = world.answers.shift();
    if (answer instanceof Error) throw answer;
    return { avatar: answer };
  },
  server: { dropFace: (group: string | null) => (world.dropped.push(group), Promise.resolve()) },
}));

const { FaceChange } = await import("./face.svelte");
const { faceOf } = await import("./people.svelte");

beforeEach(() => {
  world.sent.length = 0;
  vi.stubGlobal("createImageBitmap", (file: Blob) => (file.type === "image/png" ? Promise.resolve({ width: 40, height: 20, close: () => {} }) : Promise.reject(new DOMException("none", "InvalidStateError"))));
  const canvas = () => ({ getContext: () => null, toDataURL: () => "data:image/jpeg;,", toBlob: (done: (made: Blob) => void) => done(new Blob(["small"])) });
  vi.stubGlobal("document", { createElement: canvas });
});

const picture = (bytes: number): Blob => new Blob([new Uint8Array(bytes)], { type: "image/png" });

it("is looked at before it is sent, and what failed may be sent again", async () => {
  const change = new FaceChange(() => "usr_ada", () => null);
  await change.choose(picture(7));
  expect([change.stage, change.preview, world.sent.length]).toEqual(["chosen", "data:image/jpeg;,", 0]);
  world.answers = [new ApiError(0, "UNREACHABLE", "", "", null), "/first"];
  await change.send();
  expect([change.stage, change.preview]).toEqual(["chosen", "data:image/jpeg;,"]);
  expect(change.why).toMatch(/online/);
  await change.send();
  expect([change.stage, change.preview, change.why, change.there, faceOf("usr_ada")]).toEqual(["quiet", "", "", true, "/first"]);
  await change.drop();
  expect([change.there, change.done, world.dropped]).toEqual([false, "The picture is removed.", [null]]);
});

it("is made smaller where it is too large, and a group's goes to the group", async () => {
  const change = new FaceChange(() => "room_a", () => "room_a");
  await change.choose(picture(5 * 1024 * 1024 + 1));
  world.answers = ["/group"];
  await change.send();
  expect(world.sent).toEqual([{ group: "room_a", bytes: 5 }]);
  expect(faceOf("room_a")).toBe("/group");
});

it("says what to do about a file that is none, and asks whether the session is over", async () => {
  const change = new FaceChange(() => "usr_eve", () => null);
  await change.choose(new Blob(["hello"], { type: "text/plain" }));
  expect(change.stage).toBe("quiet");
  expect(change.why).toMatch(/Choose a JPEG/);
  await change.choose(picture(7));
  expect(change.why).toBe("");
  world.answers = [new ApiError(401, "unauthorized", "", "Sign in.", null)];
  await change.send();
  expect([world.looks, change.there]).toEqual([1, false]);
});
