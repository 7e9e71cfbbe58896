import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { deployFlow, emptyFlow, flowQuery, flowsQuery, getFlow } from "../api/flows";
import type { Problem } from "../api/validation";
import { versionsQuery } from "../api/versions";
import { saveDraftNow } from "../editor/autosave";
import { refetchDeployed } from "../editor/conflict";
import { useEditor, useEditorStore } from "../editor/context";
import { apply, labelsIn, markDeployed, openTrigger, select } from "../editor/store";
import { useCatalog } from "../integrations/use-catalog";
import { ApiError, errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/actions";
import { Button, Field, Input } from "../ui/controls";
import { DeployButtons } from "../ui/deploy-buttons";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { matchScore } from "../ui/match-score";
import { SearchDialog } from "../ui/search-dialog";
import { notify } from "../ui/toasts";
import { type CatalogEntry, searchedTexts } from "../workflow/catalog";
import { addNode, type Change, connect, laneOf, type Model, reaches } from "../workflow/commands";
import { kindOf } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
import { pinnedIn, unpinAll } from "../workflow/pins";
import { replaceNode } from "../workflow/replace";
import { AddInsideDialog } from "./add-inside-dialog";
import { FindDialog } from "./find-dialog";
import { formatChord } from "./keymap";
import { ProblemList } from "./problem-list";
import { ACTIONS, attempt, isEnabled, isOffered, labelOf, perform } from "./registry";
import { TRIGGER_GROUP, TRIGGER_OFFERS } from "./trigger-offers";
import { searchOf, VIEWS } from "./views";

interface DialogsProps {
  /** Everything that uses the workflow, which is shown before it is deployed. */
  uses: ReactNode;
}

/** The open dialog of the editor, if any. */
export function Dialogs({ uses }: DialogsProps) {
  const dialog = useEditor((editor) => editor.dialog);
  if (!dialog) return null;
  if (dialog.kind === "add") {
    return (
      <CatalogDialog
        title={t("actions.add")}
        hideTitle
        triggers
        change={(model, entry) => addNode(model, dialog.spot, entry)}
      />
    );
  }
  if (dialog.kind === "replace") {
    const title = t("actions.replaceNode", { node: dialog.from });
    return <CatalogDialog title={title} change={(model, entry) => replaceNode(model, dialog.from, entry)} />;
  }
  if (dialog.kind === "connect") return <ConnectDialog from={dialog.from} />;
  if (dialog.kind === "into") return <AddInsideDialog of={dialog.from} />;
  if (dialog.kind === "find") return <FindDialog />;
  if (dialog.kind === "keys") return <KeysDialog />;
  if (dialog.kind === "deploy") return <DeployDialog uses={uses} />;
  return <ActionsDialog />;
}

function useClose(): () => void {
  const store = useEditorStore();
  return () => store.setState({ dialog: null });
}

/** Below the lowest score of another match. */
const INTEGRATION_WEIGHT = 0.3;

interface CatalogDialogProps {
  title: string;
  hideTitle?: boolean;
  /** Offer triggers as well. */
  triggers?: boolean;
  /** Return the change for the chosen kind of node. */
  change: (model: Model, entry: CatalogEntry) => Change;
}

/** The kinds of nodes with a search. */
function CatalogDialog({ title, hideTitle = false, triggers = false, change }: CatalogDialogProps) {
  const store = useEditorStore();
  const close = useClose();
  const catalog = useCatalog();
  const groups = [...new Set(catalog.map((offer) => offer.group))];
  const integrations = new Set(
    catalog.filter((offer) => offer.key.startsWith("integration-")).map((offer) => offer.name),
  );
  // The nodes that integrations are made of come before them.
  const score = (name: string, typed: string, about?: string[]) =>
    matchScore(name, typed, about) * (integrations.has(name) ? INTEGRATION_WEIGHT : 1);
  const offered = (group: string) =>
    catalog
      .filter((offer) => offer.group === group)
      .map((offer) => ({
        value: offer.name,
        keywords: searchedTexts(offer),
        icon: offer.icon,
        iconSize: 18,
        name: offer.name,
        detail: <span className={css.description}>{offer.description}</span>,
        choose: () => {
          close();
          attempt(() => apply(store, (model) => change(model, offer)));
          if (store.getState().panel !== "outline") store.setState({ panel: "node" });
        },
      }));
  const startedBy = TRIGGER_OFFERS.map(({ kind, name, description, icon, words }) => ({
    value: name,
    keywords: [description, words],
    icon,
    iconSize: 18,
    name,
    detail: <span className={css.description}>{description}</span>,
    choose: () => {
      close();
      openTrigger(store, kind);
    },
  }));
  return (
    <SearchDialog
      title={title}
      hideTitle={hideTitle}
      placeholder={hideTitle ? t("actions.addSearch") : t("actions.kindSearch")}
      emptyText={t("actions.noMatchingNode")}
      groups={[
        ...groups.map((group) => ({ heading: group, options: offered(group) })),
        ...(triggers ? [{ heading: TRIGGER_GROUP, options: startedBy }] : []),
      ]}
      score={score}
      close={close}
    />
  );
}

function ConnectDialog({ from }: { from: string }) {
  const store = useEditorStore();
  const close = useClose();
  const graph = useEditor((editor) => editor.graph);
  const node = graph.byId.get(from);
  if (!node) return null;
  const lane = laneOf(graph, node);
  const targets = lane.nodes.filter((each) => each.id !== from && !reaches(lane, each.id, from));
  const options = targets.map((each) => ({
    value: each.id,
    keywords: [each.summary],
    icon: iconOf(each),
    name: each.id,
    detail: <span className={css.description}>{each.summary}</span>,
    choose: () => {
      close();
      attempt(() => apply(store, (model) => connect(model, from, each.id)));
    },
  }));
  return (
    <SearchDialog
      title={t("actions.connectFrom", { node: from })}
      label={t("actions.targets")}
      placeholder={t("actions.targetSearch")}
      emptyText={t("actions.noTarget", { node: from })}
      groups={[{ options }]}
      close={close}
    />
  );
}

const iconOf = (node: Node) => node.language || kindOf(node.kind).icon;

function ActionsDialog() {
  const store = useEditorStore();
  const close = useClose();
  const navigate = useNavigate();
  const editor = useEditor((state) => state);
  const flows = useQuery(flowsQuery(editor.workspace));
  const commands = ACTIONS.filter(
    (action) => isOffered(action, editor) && !/^(go|extend)-|^palette$/.test(action.name),
  ).map((action) => ({
    value: labelOf(action, editor),
    icon: action.icon,
    name: labelOf(action, editor),
    detail: action.keys[0] && <kbd className={css.key}>{formatChord(action.keys[0])}</kbd>,
    disabled: !isEnabled(action, editor),
    choose: () => {
      close();
      perform(store, action);
    },
  }));
  const nodes = [...editor.graph.byId.values()].map((node) => ({
    value: `node ${node.id}`,
    keywords: [node.summary],
    icon: iconOf(node),
    name: node.id,
    detail: <span className={css.description}>{node.summary}</span>,
    choose: () => {
      close();
      select(store, [node.id]);
      store.setState({ panel: "node" });
    },
  }));
  const views = VIEWS.map(([view, name]) => ({
    value: `view ${view}`,
    icon: "rail",
    name,
    choose: () => {
      close();
      void navigate({ search: searchOf(view) });
    },
  }));
  const workflows = (flows.data ?? []).map(({ path, summary }) => ({
    value: `workflow ${path}`,
    keywords: [summary],
    icon: "flow",
    name: summary || path,
    detail: <span className={css.description}>{path}</span>,
    choose: () => void navigate(`/w/${editor.workspace}/workflows/${path}`),
  }));
  return (
    <SearchDialog
      title={t("actions.allCommands")}
      hideTitle
      placeholder={t("actions.commandSearch")}
      emptyText={t("actions.noResults")}
      groups={[
        { heading: t("actions.commands"), options: commands },
        { heading: t("actions.nodes"), options: nodes },
        { heading: t("actions.views"), options: views },
        { heading: t("actions.workflows"), options: workflows },
      ]}
      close={close}
    />
  );
}

function KeysDialog() {
  const editor = useEditor((state) => state);
  const close = useClose();
  return (
    <Dialog title={t("actions.keys")} wide close={close}>
      <dl className={css.keys} tabIndex={0}>
        {ACTIONS.filter((action) => action.keys.length > 0).map((action) => (
          <div key={action.name} style={{ display: "contents" }}>
            <dt>{typeof action.label === "string" ? action.label : (labelOf(action, editor).split(":")[0] ?? "")}</dt>
            <dd>
              {action.keys.map((key) => (
                <kbd key={key} className={css.key} style={{ marginLeft: "0.25rem" }}>
                  {formatChord(key)}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <div className={css.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}

const NO_PROBLEMS: readonly Problem[] = [];

function DeployDialog({ uses }: DialogsProps) {
  const store = useEditorStore();
  const close = useClose();
  const queries = useQueryClient();
  const [message, setMessage] = useState("");
  const checking = useEditor((editor) => editor.checked !== editor.text);
  // Problems of an earlier text may be solved. The server checks what is deployed.
  const problems = useEditor((editor) => (editor.checked === editor.text && editor.problems) || NO_PROBLEMS);
  const errors = problems.filter((each) => each.severity === "error").length;
  const warnings = problems.length - errors;
  const pinned = useEditor((editor) => pinnedIn(editor).join(", "));
  const empty = useEditor((editor) => editor.graph.byId.size === 0);
  const [unpinned, setUnpinned] = useState(true);
  const deployed = useEditor((editor) => editor.flow.version_id !== null);
  const conflict = useEditor((editor) => editor.draft.state === "conflict");
  const deploying = useMutation({
    mutationFn: async () => {
      if (unpinned && pinned) apply(store, unpinAll);
      await saveDraftNow(store);
      // Another page has saved the draft: the dialog asks whether to deploy without it.
      if (!conflict && store.getState().draft.state === "conflict") return null;
      const { workspace, flow, base, text, draft } = store.getState();
      const given = labelsIn(store.getState());
      const labels = given.length > 0 || flow.labels ? given : undefined;
      // A workflow that was deleted meanwhile is deployed as a new one.
      const over = flow.version_id === null ? null : base;
      await deployFlow(workspace, { ...flow, labels, version_id: over }, { text, message, draft: draft.revision });
      void queries.invalidateQueries({ queryKey: versionsQuery(workspace, flow.path).queryKey });
      return getFlow(workspace, flow.path);
    },
    onError: async (error) => {
      if (!(error instanceof ApiError)) return;
      if (error.status === 404) {
        store.setState({ flow: emptyFlow(store.getState().flow.path) });
        close();
      }
      if (!["version_conflict", "already_exists"].includes(error.code)) return;
      // Someone else deployed first: the page shows that and offers a merge.
      await refetchDeployed(store, queries);
      close();
    },
    onSuccess: (flow) => {
      if (flow === null) return;
      queries.setQueryData(flowQuery(store.getState().workspace, flow.path).queryKey, flow);
      markDeployed(store, flow);
      close();
      notify(warnings > 0 ? t("actions.deployedWithWarnings", { count: warnings }) : t("ui.deployed"));
      if (conflict) notify(t("ui.otherDraftPreserved"));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    deploying.mutate();
  };
  return (
    <Dialog title={t("actions.deploy")} close={close}>
      <form onSubmit={submit} style={{ display: "flex", flexDirection: "column", gap: "0.75rem" }}>
        <Field
          label={t("ui.deployMessage")}
          help={t("ui.deployMessageHelp")}
          error={deploying.isError ? errorText(deploying.error) : undefined}
        >
          <Input value={message} onChange={(event) => setMessage(event.target.value)} />
        </Field>
        {pinned && (
          <label className={css.description}>
            <input type="checkbox" checked={unpinned} onChange={(event) => setUnpinned(event.target.checked)} />{" "}
            {t("actions.removePins", { nodes: pinned })}
          </label>
        )}
        {pinned && !unpinned && <p className={css.description}>{t("actions.pinsStay")}</p>}
        {empty && <p className={css.description}>{t("actions.deployEmpty")}</p>}
        {checking && <p className={css.description}>{t("actions.deployChecking")}</p>}
        {errors > 0 && <p className={css.description}>{t("actions.deployErrors", { count: errors })}</p>}
        {errors === 0 && warnings > 0 && (
          <p className={css.description}>{t("actions.deployWarnings", { count: warnings })}</p>
        )}
        {problems.length > 0 && <ProblemList problems={problems} shown={close} />}
        {deployed && uses}
        <DeployButtons conflict={conflict} disabled={deploying.isPending || errors > 0} close={close} />
      </form>
    </Dialog>
  );
}
