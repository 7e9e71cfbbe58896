import workflowPage from "./en/workflow-page.json";
import { addPage } from "./t";

addPage("workflow-page", workflowPage);

export { t, tWith } from "./t";
