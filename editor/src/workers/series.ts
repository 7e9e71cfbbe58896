import type { Operations, OperationsPoint } from "../api/operations";

/** Values of a chart at equal intervals; null: not known. */
export type Values = readonly (number | null)[];

/** Return the values of a field of the figures per interval. `missing`: value of intervals without figures. */
export function valuesOf(
  figures: Operations,
  field: Exclude<keyof OperationsPoint, "at">,
  missing: number | null = null,
): (number | null)[] {
  const [since, until] = [Date.parse(figures.since), Date.parse(figures.until)];
  const width = figures.width_s * 1000;
  const values = new Array<number | null>(Math.round((until - since) / width)).fill(missing);
  for (const point of figures.points) {
    const index = Math.floor((Date.parse(point.at) - since) / width);
    if (index >= 0 && index < values.length) values[index] = point[field];
  }
  return values;
}

/** Return the largest value, null if none is known. */
export function largest(values: Values): number | null {
  return values.reduce<number | null>((most, each) => (each === null ? most : Math.max(most ?? each, each)), null);
}

/** Number of intervals at the end that may have no figures yet: the current one, and one that is being recorded. */
const UNRECORDED = 2;

/** Return the index of the last interval with figures, null if they are not recent. */
export function lastRecorded(figures: Operations): number | null {
  const recorded = valuesOf(figures, "running").findLastIndex((each) => each !== null);
  const count = Math.round((Date.parse(figures.until) - Date.parse(figures.since)) / (figures.width_s * 1000));
  return recorded >= 0 && count - 1 - recorded <= UNRECORDED ? recorded : null;
}

/** Return the path of a line through the known values, in a box of width 1 per value and height 100. */
export function linePath(values: Values, most: number): string {
  let path = "";
  values.forEach((value, index) => {
    if (value === null) return;
    const y = round(100 - (100 * value) / most);
    const joined = index > 0 && values[index - 1] !== null;
    const alone = !joined && (values[index + 1] ?? null) === null;
    if (alone) path += `M${index} ${y}h1`;
    else path += `${joined ? "L" : "M"}${index + 0.5} ${y}`;
  });
  return path;
}

const round = (value: number) => Math.round(value * 10) / 10;
