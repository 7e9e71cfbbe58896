import { collect } from "../collect";
import lib from "./lib.json";
import shell from "./shell.json";
import ui from "./ui.json";

/** English texts that several rooms use. Each other room loads its own, as in `texts/runs.ts`. */
export const messages = collect({ lib, shell, ui });
