import actions from "./en/actions.json";
import { addPage } from "./t";
import "./workflow";

addPage("actions", actions);

export { t, tWith } from "./t";
