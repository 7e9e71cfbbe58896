import { describe, expect, it } from "vitest";
import { errorOf, errorOfFailed, lineOf } from "../src/lib/error-line";

const at = (message: string, stack = "") => lineOf({ name: "Error", message, stack });

describe("the line of an error", () => {
  it("is that of the innermost call of the person's own code", () => {
    const python =
      'File "script.py", line 2, in main\n  File "script.py", line 7, in inner\nFile "/x/site-packages/a.py", line 9';
    expect(at("no", python)).toBe(7);
    expect(at("no", "Error: no\n    at inner (script.ts:4:9)\n    at main (script.ts:9:1)")).toBe(4);
    expect(at("no", "panic: no\n  at inner (script.go:12)\n  at main (script.go:20)")).toBe(12);
    expect(at("no", "Exception: no\n  at main (script.php:3)")).toBe(3);
    expect(at("no", "RuntimeError: no\n  from script.rb:5:in `inner'\n  from script.rb:9:in `main'")).toBe(5);
  });

  it("is what the message says where there is no stack", () => {
    expect(at("script.go:7:9: undefined: nope\nscript.go:9:1: missing return")).toBe(7);
    expect(at("syntax error, unexpected token (line 3): return")).toBe(3);
    expect(at("exit code 127: script.sh: line 2: a: command not found\nscript.sh: line 6: b: command not found")).toBe(
      6,
    );
    expect(at('column "nope" does not exist (SQLSTATE 42703, statement 2, line 3)')).toBe(3);
    expect(at("Catalog Error: no such table\n(statement 1, line 4)")).toBe(4);
  });

  it("is none where nothing says so", () => {
    expect(at("exit code 3")).toBeNull();
    expect(at("it took 12:30 (about)")).toBeNull();
    expect(errorOf("failed")).toBeNull();
    expect(errorOf({ message: "no" })).toEqual({ name: "Error", message: "no", stack: "" });
  });
});

describe("the error of a failed run", () => {
  it("may have further members beside it", () => {
    const rejected = { error: { name: "Rejected", message: "Rejected by ann" }, decision: "rejected" };
    expect(errorOfFailed(rejected)).toEqual({ name: "Rejected", message: "Rejected by ann", stack: "" });
    expect(errorOfFailed([1])).toBeNull();
    expect(errorOfFailed({ rows: 1 })).toBeNull();
  });
});
