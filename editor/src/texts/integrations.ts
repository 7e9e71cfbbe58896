import integrations from "./en/integrations.json";
import { addPage } from "./t";

addPage("integrations", integrations);

export { t, tWith } from "./t";
