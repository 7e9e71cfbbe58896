import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { draftsQuery, saveDraft } from "../api/drafts";
import { flowsQuery } from "../api/flows";
import { foldersQuery } from "../api/folders";
import { type TemplateHead, templateQuery, templatesQuery } from "../api/templates";
import { FolderField, lastFolder, NEW_FOLDER, rememberFolder } from "../forms/folder-field";
import { freeId, idFromName, pathError } from "../forms/path-name";
import { useSubmitWhenLoaded } from "../forms/submit-when-loaded";
import { ApiError, errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { textOfCode } from "../texts/t";
import { t } from "../texts/workflows";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { Skeleton } from "../ui/states";
import { withCode } from "../ui/with-code";
import { languageName } from "../workflow/kinds";
import { editSource } from "../workflow/source";
import { toYaml } from "../workflow/yaml";
import { GraphThumbnail } from "./graph-thumbnail";
import css from "./new-workflow.module.css";

const EMPTY = "";

/** Dialog that creates the draft of a workflow, blank or from a template, and opens it. */
export function NewWorkflow({ workspace, close }: { workspace: string; close: () => void }) {
  const templates = useQuery(templatesQuery(workspace));
  const [template, setTemplate] = useState(EMPTY);
  const chosen = templates.data?.find((each) => each.name === template);
  // Choosing a template leaves the focus on it.
  const [isFirst, setFirst] = useState(true);
  const choose = (name: string) => {
    setFirst(false);
    setTemplate(name);
  };
  return (
    <Dialog title={t("workflows.new")} wide close={close}>
      <div className={css.body}>
        <fieldset className={css.choices}>
          <legend>{t("workflows.startFrom")}</legend>
          <TemplateChoice
            name={EMPTY}
            title={t("workflows.blank")}
            about={t("workflows.blankHint")}
            chosen={template}
            set={choose}
          >
            <Icon name="plus" size={28} />
          </TemplateChoice>
          {templates.data?.map((each) => (
            <TemplateChoice
              key={each.name}
              name={each.name}
              title={templateName(each)}
              about={templateFacts(each)}
              chosen={template}
              set={choose}
            >
              <TemplatePicture workspace={workspace} name={each.name} />
            </TemplateChoice>
          ))}
        </fieldset>
        {templates.isPending && (
          <div className={css.loading}>
            <Skeleton />
          </div>
        )}
        {templates.isError && <p className={dialogCss.description}>{withCode(errorText(templates.error))}</p>}
        {chosen && (
          <p className={css.description}>{textOfCode(`codes.templateHint_${chosen.name}`, chosen.description)}</p>
        )}
      </div>
      <NameForm key={template} workspace={workspace} template={chosen} focusName={isFirst} close={close} />
    </Dialog>
  );
}

const templateName = ({ name, summary }: TemplateHead): string => textOfCode(`codes.template_${name}`, summary);

function templateFacts(template: TemplateHead): string {
  const nodes = t("workflows.nodes", { count: template.nodes });
  return [nodes, ...template.languages.map(languageName)].join(" · ");
}

interface ChoiceProps {
  name: string;
  title: string;
  about: string;
  chosen: string;
  set: (name: string) => void;
  children: React.ReactNode;
}

function TemplateChoice({ name, title, about, chosen, set, children }: ChoiceProps) {
  return (
    <label className={css.choice}>
      <input type="radio" name="template" value={name} checked={chosen === name} onChange={() => set(name)} />
      <span className={css.picture}>{children}</span>
      <span className={css.title}>{title}</span>
      <span className={dialogCss.description}>{about}</span>
    </label>
  );
}

function TemplatePicture({ workspace, name }: { workspace: string; name: string }) {
  const text = useQuery(templateQuery(workspace, name));
  return text.data ? <GraphThumbnail text={text.data} /> : null;
}

/** Name, folder and id of the workflow. Reports a taken path before it creates anything. */
function NameForm(props: {
  workspace: string;
  template: TemplateHead | undefined;
  /** Focus the name. */
  focusName: boolean;
  close: () => void;
}) {
  const { workspace, template, focusName, close } = props;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const folders = useQuery(foldersQuery(workspace));
  const taken = useTakenPaths(workspace);
  const suggested = template ? templateName(template) : t("workflows.new");
  const [summary, setSummary] = useState(suggested);
  const [typedFolder, setFolder] = useState<string | null>(null);
  const [typedName, setName] = useState<string | null>(null);
  const folder = typedFolder ?? lastFolder(folders.data);
  const name = typedName ?? freeId(folder, template?.name ?? idFromName(summary), taken);
  const path = `${folder}/${name}`;
  const creating = useMutation({
    mutationFn: async () => {
      const text = template ? await queries.fetchQuery(templateQuery(workspace, template.name)) : null;
      await saveDraft({ workspace, path }, initialText(text, summary), null, null);
      await queries.invalidateQueries(draftsQuery(workspace));
    },
    onSuccess: () => {
      rememberFolder(folder);
      close();
      void navigate(`/w/${workspace}/workflows/${path}`);
    },
  });
  const [submitted, setSubmitted] = useState(false);
  const isUnnamed = folder === NEW_FOLDER && !submitted;
  const error =
    (isUnnamed ? undefined : pathError(folder, name, taken)) ??
    (creating.isError ? errorOf(creating.error) : undefined);
  const submit = useSubmitWhenLoaded(folders.isSuccess, () => {
    setSubmitted(true);
    if (!pathError(folder, name, taken)) creating.mutate();
  });
  return (
    <form className={css.form} onSubmit={submit}>
      <div className={css.fields}>
        <Field label={t("ui.name")}>
          <Input
            value={summary}
            autoFocus={focusName}
            // The suggested name is replaced by what is typed.
            onFocus={(event) => summary === suggested && event.currentTarget.select()}
            onChange={(event) => setSummary(event.target.value)}
          />
        </Field>
        <FolderField folders={folders.data} folder={folder} set={setFolder} />
        <Field label={t("workflows.id")}>
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
      </div>
      <div className={`${dialogCss.foot} ${css.foot}`}>
        <span className={css.path}>
          {error ? (
            <span className={css.error} role="alert">
              {withCode(error)}
            </span>
          ) : (
            path
          )}
        </span>
        <Button onClick={close}>{t("ui.cancel")}</Button>
        <Button look="main" type="submit" disabled={creating.isPending}>
          {t("workflows.create")}
        </Button>
      </div>
    </form>
  );
}

/** Paths of deployed workflows and drafts. */
function useTakenPaths(workspace: string): ReadonlySet<string> {
  const flows = useQuery(flowsQuery(workspace));
  const drafts = useQuery(draftsQuery(workspace));
  return new Set([...(flows.data ?? []), ...(drafts.data ?? [])].map((each) => each.path));
}

/** Initial text of the draft. */
function initialText(template: string | null, summary: string): string {
  if (template === null) return toYaml({ summary, value: { modules: [] } });
  return editSource(template, { op: "set", path: ["summary"], value: summary });
}

function errorOf(error: unknown): string {
  const known = error instanceof ApiError && error.code === "draft_conflict";
  return known ? t("workflows.draftExists") : errorText(error);
}
