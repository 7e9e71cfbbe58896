import { useState } from "react";
import type { WritableFolders } from "../api/folders";
import { t } from "../texts/forms";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";

const KEY = "orvanta.place";
const CHOICE_OF_NEW = "";
/** A new folder that has no name yet. */
export const NEW_FOLDER = "f/";
/** Folder of the examples, which is not meant for other items. */
const EXAMPLES = "f/examples";

/** Folder of the last created item, otherwise the first one that is not for examples. */
export function lastFolder(folders: WritableFolders | undefined): string {
  const last = localStorage.getItem(KEY);
  if (last && folders?.all.includes(last)) return last;
  return folders?.all.find((each) => each !== EXAMPLES) ?? folders?.all[0] ?? "";
}

export function rememberFolder(folder: string): void {
  localStorage.setItem(KEY, folder);
}

/** Selection of a folder. Admins can also name a new one. */
export function FolderField(props: {
  folders: WritableFolders | undefined;
  folder: string;
  set: (folder: string) => void;
}) {
  const { folders, folder, set } = props;
  const [isNew, setOwn] = useState(false);
  const choose = (chosen: string) => {
    setOwn(chosen === CHOICE_OF_NEW);
    set(chosen === CHOICE_OF_NEW ? NEW_FOLDER : chosen);
  };
  return (
    <>
      <Field label={t("forms.folder")}>
        <Select value={isNew ? CHOICE_OF_NEW : folder} disabled={!folders} set={(next) => choose(next)}>
          {folders?.all.map((each) => (
            <option key={each} value={each}>
              {each.startsWith("u/") ? t("forms.personal", { folder: each }) : each}
            </option>
          ))}
          {folders?.admin && <option value={CHOICE_OF_NEW}>{t("forms.newFolder")}</option>}
        </Select>
      </Field>
      {isNew && (
        <Field label={t("forms.folderName")}>
          <Input value={folder.slice(2)} spellCheck={false} onChange={(event) => set(`f/${event.target.value}`)} />
        </Field>
      )}
    </>
  );
}
