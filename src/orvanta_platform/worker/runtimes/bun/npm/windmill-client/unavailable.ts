// Functions of published clients that the platform does not serve. Each throws NotServed, which names it.

import { NotServed } from "./request.ts";

const AS_CODE = "workflows are not written as code; deploy a workflow";
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
export const getApprovalUrls = refusing("getApprovalUrls", `${AS_CODE}, and use \`getResumeUrls\``);
export const datatable = refusing("datatable", TABLES);
export const ducklake = refusing("ducklake", TABLES);
export const upsertPartition = refusing("upsertPartition", TABLES);
export const appendPartition = refusing("appendPartition", TABLES);
export const commitKafkaOffsets = refusing("commitKafkaOffsets", "there are no Kafka triggers");
export const task = refusing("task", AS_CODE);
export const taskScript = refusing("taskScript", AS_CODE);
export const taskFlow = refusing("taskFlow", AS_CODE);
export const workflow = refusing("workflow", AS_CODE);
export const step = refusing("step", AS_CODE);
export const sleep = refusing("sleep", AS_CODE);
export const parallel = refusing("parallel", AS_CODE);
export const waitForApproval = refusing("waitForApproval", AS_CODE);
export const setWorkflowCtx = refusing("setWorkflowCtx", AS_CODE);
