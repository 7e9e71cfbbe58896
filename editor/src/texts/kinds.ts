import kinds from "./en/kinds.json";
import { addPage } from "./t";

addPage("kinds", kinds);

export { t } from "./t";
