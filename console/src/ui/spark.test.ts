import { expect, it } from "vitest";
import { spark } from "./spark.ts";

it("ends at the right edge and keeps within the box", () => {
  const { line } = spark([0, 5, 10], 5, 100, 40);
  expect(line).toBe("M50.0 39.0L75.0 20.5L100.0 2.0");
});

it("draws nothing of one value and a ground line of zeros", () => {
  expect(spark([3], 5, 100, 40).line).toBe("");
  expect(spark([0, 0], 2, 100, 40).line).toBe("M0.0 39.0L100.0 39.0");
});

it("shows only the newest that fit", () => {
  expect(spark([9, 9, 9, 1, 2], 2, 100, 40).line.split("L")).toHaveLength(2);
});
