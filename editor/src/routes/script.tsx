export { ScriptPage } from "../scripts/page";
