import sharing from "./en/sharing.json";
import { addPage } from "./t";

addPage("sharing", sharing);

export { t, tWith } from "./t";
