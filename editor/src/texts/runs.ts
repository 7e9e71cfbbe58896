import runs from "./en/runs.json";
import { addPage } from "./t";

addPage("runs", runs);

export { t, tWith } from "./t";
