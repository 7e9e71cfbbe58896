import { expect, it } from "vitest";
import { fieldsOf, groupOf } from "../src/workers/group-fields";

it("turns the settings of a worker group into texts and back", () => {
  const group = {
    worker_tags: ["python3", "gpu"],
    priority_tags: { gpu: 10 },
    slots: 2,
    env_vars_static: { REGION: "eu", OPTIONS: "a=1 b=2" },
    isolation: "userns" as const,
    network: "none" as const,
  };
  expect(groupOf(fieldsOf(group))).toEqual(group);
  expect(fieldsOf(group).variables).toBe("REGION=eu\nOPTIONS=a=1 b=2");
  const empty = { worker_tags: null, slots: null, isolation: null, network: null };
  const none = { ...empty, priority_tags: {}, env_vars_static: {} };
  expect(groupOf(fieldsOf({}))).toEqual(none);
  expect(groupOf({ ...fieldsOf({}), queues: " a,b  c\n" }).worker_tags).toEqual(["a", "b", "c"]);
});
