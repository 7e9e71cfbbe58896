import { describe, expect, test } from "vitest";
import { complete } from "../src/workflow/completion";
import { outline } from "../src/workflow/outline";
import {
  ancestors,
  isConnection,
  type Known,
  namesakeOf,
  pathOf,
  preview,
  rowsOf,
  type Source,
  search,
  shapeOf,
  sourcesOf,
} from "../src/workflow/scope";
import type { Json } from "../src/workflow/types";

const TREE: Json = {
  schema: { properties: { order: { type: "object", properties: { id: { type: "integer", default: 7 } } } } },
  value: {
    modules: [
      { id: "fetch", value: { type: "identity" } },
      { id: "beside", needs: [], value: { type: "identity" } },
      {
        id: "each",
        needs: ["fetch"],
        value: {
          type: "forloopflow",
          iterator: { type: "javascript", expr: "results.fetch.items" },
          modules: [
            { id: "inner", value: { type: "identity" } },
            { id: "last", value: { type: "identity" } },
          ],
        },
      },
    ],
  },
};
const RESULTS: Record<string, Json> = {
  fetch: { items: [{ price: 3 }], "order-id": "x", total: 41 },
  inner: "a text",
};
const graph = outline(TREE);
const of = (id: string): Source[] => sourcesOf(TREE, graph, id, RESULTS, null);

test("a node reads what leads to it, the nearest first, and what stands around it", () => {
  expect(ancestors(graph, "last")).toEqual(["inner", "fetch"]);
  expect(of("last").map((each) => each.expr)).toEqual([
    "flow_input.iter",
    "results.inner",
    "results.fetch",
    "flow_input",
  ]);
});

test("a pinned output is read as the output of its node, unless it is switched off", () => {
  const pin = (enabled: boolean): Json => {
    const tree = structuredClone(TREE) as { value: { modules: Record<string, Json>[] } };
    Object.assign(tree.value.modules[0] ?? {}, { mock: { enabled, return_value: { items: [{ weight: 1 }] } } });
    return tree;
  };
  const labels = (enabled: boolean) => {
    const sources = sourcesOf(pin(enabled), graph, "last", RESULTS, null);
    return ["results.fetch.items[0].", "flow_input.iter.value."].map((before) =>
      complete(sources, before)?.choices.map((each) => each.label),
    );
  };
  expect(labels(true)).toEqual([["weight"], ["weight"]]);
  expect(labels(false)).toEqual([["price"], ["price"]]);
});

describe("what is offered", () => {
  const table: [string, string, string[]][] = [
    ["members of results", "results.", ["inner", "fetch"]],
    ["fields of a real result", "1 + results.fetch.", ["items", "order-id", "total"]],
    ["fields of an item", "results.fetch.items[0].", ["price"]],
    ["fields of a loop's item", "flow_input.iter.value.", ["price"]],
    ["fields of the schema beside the item", "flow_input.", ["order", "iter"]],
    ["what a list has", "results.fetch.items.", ["[0]", "length", "map", "filter", "find", "join"]],
  ];
  test.each(table)("%s", (_, before, labels) => {
    expect(complete(of("last"), before)?.choices.map((each) => each.label)).toEqual(labels);
  });

  test("a name that is no word takes the dot's place", () => {
    const offered = complete(of("last"), "results.fetch.ord");
    expect(offered?.from).toBe("results.fetch".length);
    expect(offered?.choices[1]?.insert).toBe('["order-id"]');
    expect(complete(of("last"), "results.fetch?.")?.choices[2]?.insert).toBe("?.total");
  });

  test("roots where nothing is written, nothing where nothing is known", () => {
    expect(complete(of("fetch"), "")?.choices.map((each) => each.label)).toEqual([
      "flow_input",
      "variable",
      "resource",
      "previous_result",
      "context",
    ]);
    expect(complete(of("last"), "results.inner.")).toBeNull();
    expect(complete(of("last"), "results.fetch[0]")).toBeNull();
  });

  test("nothing after a number or a text", () => {
    expect(complete(of("last"), "results.fetch.total > 1000")).toBeNull();
    expect(complete(of("last"), "results.fetch.total > ")?.choices.length).toBeGreaterThan(0);
  });
});

test("a plain path is a connection, anything else an expression", () => {
  expect(pathOf('results["a b"][0].c')).toEqual(["results", "a b", 0, "c"]);
  for (const expr of ["results.a", "flow_input", "flow_input.x.y", "previous_result", " results.a[0] "]) {
    expect(isConnection(expr)).toBe(true);
  }
  for (const expr of ["results", "results.a + 1", "f(results.a)", "", "1", 'results["a\\"']) {
    expect(isConnection(expr)).toBe(false);
  }
});

test("shapes come from schemas, values from what is known", () => {
  expect(
    shapeOf({ properties: { a: { type: "array", items: { properties: { b: {} } } }, c: { default: 1 } } }),
  ).toEqual({
    a: [{ b: undefined }],
    c: 1,
  });
  expect(preview("x".repeat(60))).toHaveLength(40);
  expect(preview({ a: 1 })).toBe("1 key");
  expect(rowsOf("results.a", { "b c": 1 })).toEqual([{ expr: 'results.a["b c"]', key: "b c", value: 1 }]);
});

test("data is found by place and by value", () => {
  expect(search(of("last"), "fetch price").map((row) => row.expr)).toEqual(["results.fetch.items[0].price"]);
  expect(search(of("last"), "41").map((row) => row.expr)).toEqual(["results.fetch.total"]);
  expect(search(of("last"), "results", 2)).toHaveLength(2);
});

test("an input is connected to the only value of its name", () => {
  const source = (expr: string, value: Known): Source => ({ expr, title: "", icon: "", value });
  const sources = [
    source("results.order", { total: 1, id: 2 }),
    source("results.fetch", { id: 3 }),
    source("flow_input", { customer: "a" }),
  ];
  expect(namesakeOf(sources, "customer")).toBe("flow_input.customer");
  expect(namesakeOf(sources, "total")).toBe("results.order.total");
  expect(namesakeOf(sources, "order")).toBe("results.order");
  expect(namesakeOf(sources, "id")).toBeNull();
  expect(namesakeOf(sources, "name")).toBeNull();
});
