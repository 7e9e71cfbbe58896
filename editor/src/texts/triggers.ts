import triggers from "./en/triggers.json";
import { addPage } from "./t";

addPage("triggers", triggers);

export { t, tWith } from "./t";
