import operations from "./en/operations.json";
import { addPage } from "./t";

addPage("operations", operations);

export { t } from "./t";
