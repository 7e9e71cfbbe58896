export { ComparePage } from "../runs/compare/page";
