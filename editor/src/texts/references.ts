import references from "./en/references.json";
import { addPage } from "./t";

addPage("references", references);

export { t, tWith } from "./t";
