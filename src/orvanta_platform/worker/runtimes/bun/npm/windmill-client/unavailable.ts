// Functions of published clients that the platform does not serve. Each throws NotServed, which names it.

import { NotServed } from "./request.ts";

const AS_CODE = "workflows written as code run in one job, which cannot wait for an event; deploy a workflow";
const TABLES = "there are no data tables; use a `postgresql` resource";

function refusing(name: string, reason: string): (...args: any[]) => any {
  return () => {
    throw new NotServed(name, reason);
  };
}

export const requestInteractiveTeamsApproval = refusing(
  "requestInteractiveTeamsApproval",
  "send the links of `getResumeUrls` with the API of Microsoft Teams",
);
export const getApprovalUrls = refusing(
  "getApprovalUrls",
  "jobs do not wait for events; use `getResumeUrls` in a workflow",
);
export const datatable = refusing("datatable", TABLES);
export const ducklake = refusing("ducklake", TABLES);
export const upsertPartition = refusing("upsertPartition", TABLES);
export const appendPartition = refusing("appendPartition", TABLES);
export const commitKafkaOffsets = refusing("commitKafkaOffsets", "there are no Kafka triggers");
export const waitForApproval = refusing("waitForApproval", AS_CODE);
export const setWorkflowCtx = refusing("setWorkflowCtx", AS_CODE);
