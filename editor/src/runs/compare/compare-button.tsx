import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { runsBefore } from "../../api/comparison";
import { DEPLOYED_KINDS } from "../../api/run-filter";
import type { RunRow } from "../../api/run-list";
import { absolute } from "../../lib/time";
import { useNavigate } from "../../routing/hooks";
import { t } from "../../texts/runs";
import { ChooseDialog } from "../../ui/choose-dialog";
import { Button } from "../../ui/controls";
import { runChoice, withoutRepeats } from "./run-choice";

const LIMIT = 20;

/** Button and dialog to compare a run with an earlier run of the same workflow. */
export function CompareButton({ workspace, id, path }: { workspace: string; id: string; path: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="branches" title={t("runs.compareForm")} onClick={() => setOpen(true)}>
        <span>{t("runs.compareForm")}</span>
      </Button>
      {open && <RunDialog {...{ workspace, id, path }} close={() => setOpen(false)} />}
    </>
  );
}

function RunDialog(props: { workspace: string; id: string; path: string; close: () => void }) {
  const { workspace, id, path, close } = props;
  const go = useNavigate();
  const found = useQuery({
    queryKey: ["run", workspace, id, "before"],
    queryFn: async () => {
      const whole = { job_kinds: DEPLOYED_KINDS };
      const [previous, success, earlier] = await Promise.all([
        runsBefore(workspace, path, id, 1, whole),
        runsBefore(workspace, path, id, 1, { ...whole, states: "succeeded" }),
        runsBefore(workspace, path, id, LIMIT),
      ]);
      return [previous, success, earlier];
    },
  });
  const items = (rows: readonly RunRow[]) =>
    rows.map((row) => ({ value: row.id, name: runChoice(row), description: describeRun(row) }));
  const [previous = [], success = [], earlier = []] = withoutRepeats(found.data ?? []);
  return (
    <ChooseDialog
      title={t("runs.compareTitle")}
      placeholder={t("runs.compareSearch")}
      emptyText={t(found.isPending ? "ui.loading" : "runs.noEarlierRuns")}
      groups={[
        // The first one is selected: a whole run, as tests may be of a single node.
        { heading: t("runs.previousRun"), icon: "undo", items: items(previous) },
        { heading: t("runs.lastSuccessGroup"), icon: "check", items: items(success) },
        { heading: t("runs.earlierRuns"), icon: "clock", items: items(earlier) },
      ]}
      choose={(other) => void go(`/w/${workspace}/runs/${other}/compare/${id}`)}
      close={close}
    />
  );
}

const describeRun = (row: RunRow) => `${absolute(row.created_at)} · ${row.id.slice(0, 13)}…`;
