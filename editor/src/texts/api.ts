import api from "./en/api.json";
import { addPage } from "./t";

addPage("api", api);

export { t, tWith } from "./t";
