import scripts from "./en/scripts.json";
import { addPage } from "./t";

addPage("scripts", scripts);

export { t, tWith } from "./t";
