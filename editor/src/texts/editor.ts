import editor from "./en/editor.json";
import { addPage } from "./t";

addPage("editor", editor);

export { t, tWith } from "./t";
