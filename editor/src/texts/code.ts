import code from "./en/code.json";
import { addPage } from "./t";

addPage("code", code);

export { t, tWith } from "./t";
