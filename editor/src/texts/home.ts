import home from "./en/home.json";
import { addPage } from "./t";

addPage("home", home);

export { t, tWith } from "./t";
