import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { foldersQuery } from "../api/folders";
import { saveScriptDraft, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { FolderField, lastFolder, rememberFolder } from "../forms/folder-field";
import { freeId, idFromName, pathError } from "../forms/path-name";
import { useSubmitWhenLoaded } from "../forms/submit-when-loaded";
import { ApiError, errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/scripts";
import { Button, Field, Input } from "../ui/controls";
import { dialogCss as css, Dialog } from "../ui/dialog";
import inspector from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { CATALOG } from "../workflow/catalog";
import { at, text } from "../workflow/types";

const LANGUAGES = CATALOG.filter((offer) => offer.group === "Code" && offer.key !== "script");

/** Dialog that creates a script with its folder, id and language. The script is a draft until it is deployed. */
export function NewScript({ workspace, close }: { workspace: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const folders = useQuery(foldersQuery(workspace));
  const taken = useTakenPaths(workspace);
  const [language, setLanguage] = useState("python3");
  const [summary, setSummary] = useState("");
  const [typedFolder, setFolder] = useState<string | null>(null);
  const [typedName, setName] = useState<string | null>(null);
  const folder = typedFolder ?? lastFolder(folders.data);
  const name = typedName ?? freeId(folder, summary.trim() ? idFromName(summary) : "script", taken);
  const path = `${folder}/${name}`;
  const pathProblem = pathError(folder, name, taken);
  const creating = useMutation({
    mutationFn: async () => {
      const offer = LANGUAGES.find((each) => each.key === language);
      const content = text(
        at(
          offer?.make("x", (base) => base),
          ["value", "content"],
        ),
      );
      await saveScriptDraft(workspace, path, { content, language, summary: summary.trim(), labels: [] }, null, null);
      await queries.invalidateQueries(scriptDraftsQuery(workspace));
    },
    onSuccess: () => {
      rememberFolder(folder);
      void navigate(`/w/${workspace}/scripts/${path}`);
    },
  });
  const submit = useSubmitWhenLoaded(folders.isSuccess, () => {
    if (!pathProblem) creating.mutate();
  });
  return (
    <Dialog title={t("scripts.new")} close={close}>
      <form onSubmit={submit} className={inspector.inner}>
        <Field label={t("ui.name")}>
          <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
        </Field>
        <Field label={t("scripts.language")}>
          <Select value={language} set={(next) => setLanguage(next)}>
            {LANGUAGES.map((each) => (
              <option key={each.key} value={each.key}>
                {each.name}
              </option>
            ))}
          </Select>
        </Field>
        <FolderField folders={folders.data} folder={folder} set={setFolder} />
        <Field
          label={t("scripts.id")}
          help={folder && path}
          error={pathProblem ?? (creating.isError ? errorOf(creating.error) : undefined)}
        >
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
        <div className={css.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={creating.isPending}>
            {t("scripts.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Paths of deployed scripts and drafts. */
function useTakenPaths(workspace: string): ReadonlySet<string> {
  const scripts = useQuery(scriptsQuery(workspace));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  return new Set([...(scripts.data ?? []), ...(drafts.data ?? [])].map((each) => each.path));
}

function errorOf(error: unknown): string {
  const known = error instanceof ApiError && error.code === "draft_conflict";
  return known ? t("scripts.draftExists") : errorText(error);
}
