import panels from "./en/panels.json";
import { addPage } from "./t";

addPage("panels", panels);

export { t, tWith } from "./t";
