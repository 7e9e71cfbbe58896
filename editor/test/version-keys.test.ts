import { expect, test } from "vitest";
import { plain } from "../src/versions/changes";

test("differences are named by their keys, without those that say nothing more", () => {
  expect(plain("/value/content")).toBe("content");
  expect(plain("/value/input_transforms/net/expr")).toBe("input_transforms › net");
  expect(plain("/value/a~1b/c")).toBe("a/b › c");
  expect(plain("")).toBe("");
});

test("keys that an author chose cannot look like others", () => {
  expect(plain("/value/input_transforms/type")).toBe("input_transforms › type");
  expect(plain("/value/input_transforms/value/expr")).toBe("input_transforms › value");
  expect(plain("/reason, action › remove")).toBe('"reason, action › remove"');
  expect(plain("/schema/properties/a\nb")).toBe('schema › properties › "a\\nb"');
  expect(plain("/")).toBe('""');
});
