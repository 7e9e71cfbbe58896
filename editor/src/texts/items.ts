import items from "./en/items.json";
import { addPage } from "./t";

addPage("items", items);

export { t, tWith } from "./t";
