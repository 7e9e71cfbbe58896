import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { importRelease } from "../api/environments";
import { errorText } from "../lib/api-error";
import { parseJson } from "../lib/exact-number";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import css from "./environments.module.css";

/** Dialog that stores a release from a file that another instance or workspace exported. */
export function ImportRelease({ workspace, close }: { workspace: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [file, setFile] = useState<File>();
  const importing = useMutation({
    mutationFn: async (chosen: File) => importRelease(workspace, await contentOf(chosen)),
    onSuccess: async ({ number }) => {
      await queries.invalidateQueries({ queryKey: ["releases", workspace] });
      await navigate(`/w/${workspace}/environments/releases/${number}`);
    },
  });
  const choose = (chosen: File | undefined) => {
    importing.reset();
    setFile(chosen);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (file) importing.mutate(file);
  };
  return (
    <Dialog title={t("environments.importTitle")} close={close}>
      <form className={css.form} onSubmit={submit}>
        <Field
          label={t("environments.importFile")}
          help={t("environments.importHint")}
          error={importing.isError ? errorText(importing.error) : undefined}
        >
          <Input type="file" accept=".json" onChange={({ target }) => choose(target.files?.[0])} />
        </Field>
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={importing.isPending || !file}>
            {t("environments.importConfirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Return the JSON document in a file; the server checks it. */
async function contentOf(file: File): Promise<unknown> {
  try {
    return parseJson(await file.text());
  } catch {
    throw new Error(t("environments.importUnreadable", { file: file.name }));
  }
}
