import { t } from "../texts/forms";

/** Letters that are written with two letters where only a to z are permitted. */
const SPELLED: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", ø: "oe", å: "aa" };

/** Return an id made from a name: `import_rows` for "Import rows!", `groesse_pruefen` for "Größe prüfen". */
export function idFromName(summary: string): string {
  const spelled = summary
    .normalize("NFC")
    .toLowerCase()
    .replace(/[äöüßæøå]/g, (letter) => SPELLED[letter] ?? letter);
  return (
    spelled
      .normalize("NFD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "")
      .slice(0, 60) || "workflow"
  );
}

/** Return the id, with a number appended if it is taken in its folder. */
export function freeId(folder: string, preferred: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? preferred : `${preferred}_${number}`;
    if (!taken.has(`${folder}/${name}`)) return name;
  }
}

/** Return a free path for a copy of an item, in the folder of the item. */
export function copyPath(path: string, taken: ReadonlySet<string>): string {
  const folder = folderOf(path);
  return `${folder}/${freeId(folder, `${path.slice(folder.length + 1)}_copy`, taken)}`;
}

const FOLDER = /^(u\/[A-Za-z0-9_-]+|f\/[\p{L}\p{M}\p{N}_-]+)$/u;
const NAME = /^[\p{L}\p{M}\p{N}_-]+([./][\p{L}\p{M}\p{N}_-]+)*$/u;

/** Return the error of a folder and an id in it; undefined if the path is valid and free, or has no folder yet. */
export function pathError(folder: string, name: string, taken: ReadonlySet<string>): string | undefined {
  // The folders are still being fetched.
  if (folder === "") return undefined;
  if (!FOLDER.test(folder)) return t("forms.folderCharacters");
  if (!NAME.test(name)) return t("forms.idCharacters");
  if (`${folder}/${name}`.length > 255) return t("forms.pathTooLong");
  return taken.has(`${folder}/${name}`) ? t("forms.pathTaken") : undefined;
}

/** Return the folder of a path: `f/<folder>` or `u/<user>`. */
export const folderOf = (path: string): string => path.split("/").slice(0, 2).join("/");
