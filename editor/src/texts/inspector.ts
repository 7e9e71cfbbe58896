import inspector from "./en/inspector.json";
import { addPage } from "./t";

addPage("inspector", inspector);

export { t, tWith } from "./t";
