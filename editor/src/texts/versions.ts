import versions from "./en/versions.json";
import { addPage } from "./t";

addPage("versions", versions);

export { t, tWith } from "./t";
