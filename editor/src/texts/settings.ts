import "./operations";
import settings from "./en/settings.json";
import { addPage } from "./t";

addPage("settings", settings);

export { t, tWith } from "./t";
