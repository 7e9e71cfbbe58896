import workers from "./en/workers.json";
import { addPage } from "./t";

addPage("workers", workers);

export { t, tWith } from "./t";
