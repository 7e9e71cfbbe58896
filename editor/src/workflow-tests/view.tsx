import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteTest, resultsQuery, type TestResult, testsQuery, type WorkflowTest } from "../api/workflow-tests";
import { useEditor } from "../editor/context";
import { t } from "../texts/workflow-tests";
import { EditButton, EditIconButton, RunButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { notify, notifyError } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { Coverage } from "./coverage";
import { TestDialog } from "./test-dialog";
import css from "./workflow-tests.module.css";

/** Tests of a workflow with their outcomes, and the graph with their coverage. */
export default function TestsView() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const fresh = useEditor((editor) => editor.flow.version_id === null);
  const queries = useQueryClient();
  const [editing, setEditing] = useState<{ name: string | null } | null>(null);
  const tests = useQuery({ ...testsQuery(workspace, path), enabled: !fresh });
  const results = useQuery({ ...resultsQuery(workspace, path), enabled: !fresh });
  if (fresh) {
    return (
      <Empty title={t("workflow-tests.none")}>
        <p>{t("workflow-tests.deployFirst")}</p>
      </Empty>
    );
  }
  if (tests.error) return <Failed error={tests.error} retry={() => void tests.refetch()} />;
  if (!tests.data) return <Skeleton rows={6} />;
  const reload = () => queries.invalidateQueries({ queryKey: testsQuery(workspace, path).queryKey });
  const outcomes = new Map((results.data?.tests ?? []).map((each) => [each.name, each]));
  return (
    <div className={css.view}>
      <section className={css.tests} aria-label={t("workflow-tests.title")}>
        <div className={css.tools}>
          <RunButton disabled={results.isFetching || tests.data.length === 0} onClick={() => void results.refetch()}>
            {t("workflow-tests.run")}
          </RunButton>
          <EditButton icon="plus" onClick={() => setEditing({ name: null })}>
            {t("workflow-tests.new")}
          </EditButton>
        </div>
        {results.error && <Failed error={results.error} retry={() => void results.refetch()} />}
        {results.data && tests.data.length > 0 && (
          <p role="status" className={css.counts}>
            {t("workflow-tests.counts", { passed: results.data.passed, failed: results.data.failed })}
          </p>
        )}
        {tests.data.length === 0 && (
          <Empty title={t("workflow-tests.none")}>
            <p>{t("workflow-tests.noneHint")}</p>
          </Empty>
        )}
        <ul className={css.list}>
          {tests.data.map((each) => (
            <TestRow
              key={each.name}
              test={each}
              outcome={outcomes.get(each.name)}
              edit={() => setEditing({ name: each.name })}
              remove={async () => {
                await deleteTest(workspace, path, each.name);
                await reload();
              }}
            />
          ))}
        </ul>
      </section>
      {results.data && <Coverage results={results.data} />}
      {editing && (
        <TestDialog
          workspace={workspace}
          path={path}
          name={editing.name}
          saved={(name) => {
            notify(t("workflow-tests.saved", { name }));
            void reload();
          }}
          close={() => setEditing(null)}
        />
      )}
    </div>
  );
}

interface RowProps {
  test: WorkflowTest;
  outcome: TestResult | undefined;
  edit: () => void;
  remove: () => Promise<void>;
}

function TestRow({ test, outcome, edit, remove }: RowProps) {
  const [confirming, setConfirming] = useState(false);
  const { name } = test;
  return (
    <li className={css.test}>
      <div className={css.row}>
        {outcome && (
          <Status
            status={outcome.passed ? "succeeded" : "failed"}
            word={t(outcome.passed ? "workflow-tests.passed" : "workflow-tests.failed")}
          />
        )}
        <span className={css.name}>{name}</span>
        <EditIconButton icon="edit" label={t("workflow-tests.edit", { name })} onClick={edit} />
        <EditIconButton icon="trash" label={t("workflow-tests.delete", { name })} onClick={() => setConfirming(true)} />
      </div>
      {test.summary && <p className={css.summary}>{test.summary}</p>}
      {outcome && <Failures failures={outcome.failures} />}
      {confirming && (
        <Confirm
          title={t("workflow-tests.deleteQuestion", { name })}
          confirmLabel={t("ui.delete")}
          close={() => setConfirming(false)}
          onConfirm={() => void remove().catch(notifyError)}
        >
          <p>{t("workflow-tests.deleteHint")}</p>
        </Confirm>
      )}
    </li>
  );
}

function Failures({ failures }: { failures: TestResult["failures"] }) {
  return (
    <ul className={css.failures}>
      {failures.map((each, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: failures have no identity and are replaced as a whole
        <li key={at}>
          <p>
            {each.node && <code>{each.node}</code>} {withCode(each.message)}
          </p>
          {each.check !== "playback" && (
            <dl className={css.values}>
              <dt>{t("workflow-tests.expected")}</dt>
              <dd>{JSON.stringify(each.expected)}</dd>
              <dt>{t("workflow-tests.got")}</dt>
              <dd>{JSON.stringify(each.got)}</dd>
            </dl>
          )}
        </li>
      ))}
    </ul>
  );
}
