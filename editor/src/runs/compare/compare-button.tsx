import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { runsBefore } from "../../api/comparison";
import type { RunRow } from "../../api/run-list";
import { absolute } from "../../lib/time";
import { useNavigate } from "../../routing/hooks";
import { t } from "../../texts/runs";
import { ChooseDialog } from "../../ui/choose-dialog";
import { Button } from "../../ui/controls";
import { runChoice } from "./run-choice";

const LIMIT = 20;

/** Button and dialog to compare a run with an earlier run of the same workflow. */
export function CompareButton({ workspace, id, path }: { workspace: string; id: string; path: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="branches" onClick={() => setOpen(true)}>
        {t("runs.compareForm")}
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
      const [earlier, success] = await Promise.all([
        runsBefore(workspace, path, id, LIMIT),
        runsBefore(workspace, path, id, 1, true),
      ]);
      return { earlier, success };
    },
  });
  const items = (rows: readonly RunRow[]) =>
    rows.map((row) => ({ value: row.id, name: runChoice(row), description: describeRun(row) }));
  const { success = [], earlier = [] } = found.data ?? {};
  const last = new Set(success.map((row) => row.id));
  return (
    <ChooseDialog
      title={t("runs.compareTitle")}
      placeholder={t("runs.compareSearch")}
      emptyText={t(found.isPending ? "ui.loading" : "runs.noEarlierRuns")}
      groups={[
        { heading: t("runs.lastSuccessGroup"), icon: "check", items: items(success) },
        {
          heading: t("runs.earlierRuns"),
          icon: "clock",
          items: items(earlier.filter((row) => !last.has(row.id))),
        },
      ]}
      choose={(other) => void go(`/w/${workspace}/runs/${other}/compare/${id}`)}
      close={close}
    />
  );
}

const describeRun = (row: RunRow) => `${absolute(row.created_at)} · ${row.id.slice(0, 13)}…`;
