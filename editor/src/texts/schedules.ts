import schedules from "./en/schedules.json";
import { addPage } from "./t";

addPage("schedules", schedules);

export { t, tWith } from "./t";
