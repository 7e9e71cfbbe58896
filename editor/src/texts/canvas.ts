import canvas from "./en/canvas.json";
import { addPage } from "./t";

addPage("canvas", canvas);

export { t, tWith } from "./t";
