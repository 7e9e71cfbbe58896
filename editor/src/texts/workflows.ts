import workflows from "./en/workflows.json";
import { addPage } from "./t";

addPage("workflows", workflows);

export { t, tWith } from "./t";
