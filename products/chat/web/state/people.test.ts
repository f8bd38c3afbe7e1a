import { describe, expect, it } from "vitest";
import { changeFace, faceOf, learn, nameOf, showFace } from "./people.svelte";

describe("how somebody looks", () => {
  it("is what was read last, and what says nothing of it changes nothing", () => {
    learn([{ id: "usr_a", name: "Ada", avatar: "/one" }]);
    learn([{ id: "usr_a", name: "Ada L." }]);
    expect([nameOf("usr_a"), faceOf("usr_a")]).toEqual(["Ada L.", "/one"]);
    learn([{ id: "usr_a", name: "Ada", avatar: null }]);
    expect(faceOf("usr_a")).toBeUndefined();
    showFace("usr_a", "/one");
    expect(faceOf("usr_a"), "a ban may be lifted").toBe("/one");
  });

  it("is never again what was replaced, however late an older reading comes", () => {
    learn([{ id: "usr_b", name: "Ben", avatar: "/old" }]);
    changeFace("usr_b", "/new");
    learn([{ id: "usr_b", name: "Ben", avatar: "/old" }]);
    expect(faceOf("usr_b")).toBe("/new");
    changeFace("usr_b", "/new");
    expect(faceOf("usr_b"), "told twice").toBe("/new");
    changeFace("usr_b", "/old");
    changeFace("usr_b", "/new");
    expect(faceOf("usr_b"), "told late").toBe("/new");
    changeFace("usr_b", null);
    learn([{ id: "usr_b", name: "Ben", avatar: "/new" }]);
    expect(faceOf("usr_b")).toBeUndefined();
  });
});
