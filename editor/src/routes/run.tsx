export { RunPage } from "../runs/page";
