import actions from "./en/actions.json";
import { addPage } from "./t";

addPage("actions", actions);

export { t, tWith } from "./t";
