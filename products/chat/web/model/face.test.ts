import { ApiError } from "@console/shared/api";
import { describe, expect, it } from "vitest";
import { UNREADABLE, faceWords, middleOf } from "./face";

describe("a picture's middle", () => {
  it("is the largest square in it", () => {
    expect(middleOf(1600, 800)).toEqual({ x: 400, y: 0, side: 800 });
    expect(middleOf(3, 10)).toEqual({ x: 0, y: 3, side: 3 });
    expect(middleOf(7, 7)).toEqual({ x: 0, y: 0, side: 7 });
  });
});

describe("what is said of a picture that was not taken", () => {
  const failed = (status: number, code = "", retryAfterS: number | null = null): string => faceWords(new ApiError(status, code, "No", "It is damaged.", null, retryAfterS));

  it("says what to do", () => {
    expect(failed(413)).toMatch(/5 MB.*smaller/);
    expect(failed(415, "not_taken")).toBe(UNREADABLE);
    expect(failed(415, "not_opened")).toBe("It is damaged. Choose another one.");
    expect(failed(429, "", 7)).toMatch(/in 7 s/);
    expect(failed(503)).toMatch(/Try again in a moment/);
    expect(failed(0)).toMatch(/online/);
    expect(faceWords(new DOMException("no picture", "InvalidStateError"))).toBe(UNREADABLE);
  });
});
