import dryRuns from "./en/dry-runs.json";
import { addPage } from "./t";

addPage("dry-runs", dryRuns);

export { t, tWith } from "./t";
