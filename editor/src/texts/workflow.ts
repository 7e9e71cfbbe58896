import workflow from "./en/workflow.json";
import { addPage } from "./t";

addPage("workflow", workflow);

export { t } from "./t";
