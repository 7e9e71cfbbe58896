export { RunsPage } from "../runs/list/page";
