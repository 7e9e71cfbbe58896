import conflicts from "./en/conflicts.json";
import { addPage } from "./t";

addPage("conflicts", conflicts);

export { t, tWith } from "./t";
