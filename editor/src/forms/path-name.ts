/** An id from a name: "Import rows!" gives `import_rows`. */
export function idFromName(summary: string): string {
  const plain = summary.normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  return (
    plain
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "")
      .slice(0, 60) || "workflow"
  );
}

/** The name, with a number behind it where it is taken in its place. */
export function freeId(place: string, preferred: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? preferred : `${preferred}_${number}`;
    if (!taken.has(`${place}/${name}`)) return name;
  }
}

const PLACE = /^[uf]\/[A-Za-z0-9_-]+$/;
const NAME = /^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*$/;

/** What is wrong with a place and a name in it; undefined where nothing is. */
export function pathError(place: string, name: string, taken: ReadonlySet<string>): string | undefined {
  if (!PLACE.test(place)) return "A folder's name has letters, digits, _ and -.";
  if (!NAME.test(name)) return "An id has letters, digits, _ and -, with / for folders inside.";
  if (`${place}/${name}`.length > 255) return "That is too long.";
  return taken.has(`${place}/${name}`) ? "Something stands there already: choose another id." : undefined;
}
