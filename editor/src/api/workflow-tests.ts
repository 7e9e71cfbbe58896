import { queryOptions } from "@tanstack/react-query";
import type { Json } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type WorkflowTest = components["schemas"]["WorkflowTestSummary"];
export type TestResult = components["schemas"]["TestResult"];
export type TestResults = components["schemas"]["TestResults"];

/** Document of a test: inputs, recorded answers and expectations. */
export type TestDocument = { [name: string]: Json };

/** Query of the tests of a workflow. */
export const testsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["workflow-tests", workspace, path],
    queryFn: async () => {
      const params = { path: { workspace, path } };
      return (await api.GET("/api/w/{workspace}/workflow_tests/list/{path}", { params })).data ?? [];
    },
  });

/** Query of the outcomes of all tests of a workflow, which runs them. Nothing is executed, sent or stored. */
export const resultsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["workflow-tests", workspace, path, "results"],
    queryFn: async () => {
      const params = { path: { workspace, path } };
      const { data } = await api.POST("/api/w/{workspace}/workflow_tests/run/{path}", {
        params,
        body: { names: null },
      });
      return data ?? null;
    },
  });

export async function loadTest(workspace: string, path: string, name: string): Promise<TestDocument> {
  const params = { path: { workspace, path, name } };
  const { data } = await api.GET("/api/w/{workspace}/workflow_tests/get/{name}/{path}", { params });
  return data?.test ?? {};
}

/** Create a test, or replace the one of this name. */
export async function saveTest(
  workspace: string,
  path: string,
  name: string,
  test: TestDocument,
  exists: boolean,
): Promise<void> {
  if (exists) {
    const params = { path: { workspace, path, name } };
    const request = { params, body: { test: test as never }, parseAs: "text" as const };
    await api.POST("/api/w/{workspace}/workflow_tests/update/{name}/{path}", request);
  } else {
    const request = {
      params: { path: { workspace, path } },
      body: { name, test: test as never },
      parseAs: "text" as const,
    };
    await api.POST("/api/w/{workspace}/workflow_tests/create/{path}", request);
  }
}

export async function deleteTest(workspace: string, path: string, name: string): Promise<void> {
  const params = { path: { workspace, path, name } };
  await api.DELETE("/api/w/{workspace}/workflow_tests/delete/{name}/{path}", { params, parseAs: "text" });
}

/** Create a test from a run. */
export async function recordTest(workspace: string, id: string, name: string, summary: string): Promise<void> {
  const params = { path: { workspace, id } };
  await api.POST("/api/w/{workspace}/workflow_tests/record/{id}", { params, body: { name, summary } });
}
