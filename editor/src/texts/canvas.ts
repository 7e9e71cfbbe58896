import canvas from "./en/canvas.json";
import { addPage } from "./t";
import "./workflow";

addPage("canvas", canvas);

export { t, tWith } from "./t";
