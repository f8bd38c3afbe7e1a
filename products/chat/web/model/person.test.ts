import { describe, expect, it } from "vitest";
import { marked, turned } from "./person";

describe("whose page this is", () => {
  it("follows the session", () => {
    expect(turned("usr_a", "usr_a")).toBe("same");
    expect(turned("usr_a", "usr_b")).toBe("other");
    expect(turned("usr_a", null)).toBe("nobody");
  });

  it("follows what another tab marks, and asks where it says nothing", () => {
    expect(marked("usr_a", "usr_a")).toBe("same");
    expect(marked("usr_a", "usr_b")).toBe("other");
    expect(marked("usr_a", null)).toBe("ask");
    expect(marked("usr_a", "")).toBe("left");
  });
});
