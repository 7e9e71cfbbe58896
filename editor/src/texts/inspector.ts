import inspector from "./en/inspector.json";
import { addPage } from "./t";
import "./workflow";

addPage("inspector", inspector);

export { t, tWith } from "./t";
