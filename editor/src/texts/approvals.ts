import approvals from "./en/approvals.json";
import { addPage } from "./t";

addPage("approvals", approvals);

export { t, tWith } from "./t";
