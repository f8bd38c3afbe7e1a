import { ApiError } from "@console/shared/api";
import { expect, it, vi } from "vitest";

const world = vi.hoisted(() => ({ back: new Set<() => void>(), answers: [] as (Error | object)[], asked: 0 }));
vi.mock("./net.svelte", () => ({
  net: {
    onBack(tell: () => void) {
      world.back.add(tell);
      return () => world.back.delete(tell);
    },
  },
}));
vi.mock("./session.svelte", () => ({ who: { look: () => {} } }));
vi.mock("./server", () => ({
  mayHelp: (failure: unknown) => failure instanceof ApiError && failure.status === 0,
  uploadWords: () => "why",
  async upload() {
    world.asked += 1;
    const answer = world.answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  },
}));

const { Upload } = await import("./uploads.svelte");
const unreachable = () => new ApiError(0, "UNREACHABLE", "The server cannot be reached", "", null);
const back = (): void => [...world.back].forEach((tell) => tell());

it("goes on by itself when the net is back, once, and not when it was taken out or refused", async () => {
  world.answers = [unreachable(), unreachable(), { id: "file_1", name: "a.txt", kind: "file", bytes: 1 }];
  const there = vi.fn();
  const upload = new Upload("room_1", new Blob(["a"]), "a.txt", null, there);
  await vi.waitFor(() => expect(upload.stage).toBe("failed"));
  back();
  await vi.waitFor(() => expect([world.asked, upload.stage]).toEqual([2, "failed"]));
  back();
  await vi.waitFor(() => expect(upload.stage).toBe("there"));
  expect(there).toHaveBeenCalledTimes(1);
  back();
  expect([world.asked, world.back.size]).toEqual([3, 0]);

  world.answers = [unreachable(), new ApiError(413, "TOO_LARGE", "Too large", "", null)];
  const [gone, refused] = [new Upload("room_1", new Blob(["b"]), "b", null, there), new Upload("room_1", new Blob(["c"]), "c", null, there)];
  await vi.waitFor(() => expect([gone.stage, refused.stage]).toEqual(["failed", "failed"]));
  gone.cancel();
  back();
  expect([world.asked, world.back.size]).toEqual([5, 0]);
});

it("is there at once where it was with the server before", () => {
  const sent = { id: "file_2", name: "b.png", kind: "image", bytes: 2 };
  expect(Upload.there("room_1", sent)).toMatchObject({ stage: "there", file: sent, name: "b.png" });
  expect(world.asked).toBe(5);
});
