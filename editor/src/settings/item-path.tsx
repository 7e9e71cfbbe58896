import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { foldersQuery } from "../api/folders";
import { FolderField, lastFolder, rememberFolder } from "../forms/folder-field";
import { pathError } from "../forms/path-name";
import type { ApiError } from "../lib/api-error";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";

/** Path of an item that is created. */
export interface ItemPath {
  path: string;
  /** False until the folders are loaded: `path` has no folder before that. */
  ready: boolean;
  /** Error of the path; undefined if it is valid and free. */
  problem: string | undefined;
  /** Choose this folder first for the next item. */
  remember: () => void;
  fields: (error: string | undefined) => React.ReactNode;
}

/**
 * Return the path of a new item with its fields: the folder and the id. `taken`: paths in use. `preferred`: folder that is
 * selected first if the user may write it. `first`: id that is entered first.
 */
export function useItemPath(workspace: string, taken: ReadonlySet<string>, preferred = "", first = ""): ItemPath {
  const folders = useQuery(foldersQuery(workspace)).data;
  const [typed, setFolder] = useState<string | null>(null);
  const [id, setId] = useState(first);
  const folder = typed ?? (folders?.all.includes(preferred) ? preferred : lastFolder(folders));
  return {
    path: `${folder}/${id}`,
    ready: folders !== undefined,
    problem: id ? pathError(folder, id, taken) : t("ui.required"),
    remember: () => rememberFolder(folder),
    fields: (error) => (
      <>
        <FolderField folders={folders} folder={folder} set={setFolder} />
        <Field label={t("settings.itemId")} help={t("settings.itemIdHint")} error={error}>
          <Input value={id} spellCheck={false} onChange={(event) => setId(event.target.value)} />
        </Field>
      </>
    ),
  };
}

/** Return the field of an error of a new or changed item: the path if it is taken or invalid. */
export const itemField = ({ code, message }: ApiError): string =>
  code === "already_exists" || (code === "bad_request" && message.includes("path")) ? "path" : "";
