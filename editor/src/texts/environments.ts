import environments from "./en/environments.json";
import { addPage } from "./t";

addPage("environments", environments);

export { t, tWith } from "./t";
