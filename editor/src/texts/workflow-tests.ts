import workflowTests from "./en/workflow-tests.json";
import { addPage } from "./t";

addPage("workflow-tests", workflowTests);

export { t, tWith } from "./t";
