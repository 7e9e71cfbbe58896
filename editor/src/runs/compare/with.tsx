import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { runsBefore } from "../../api/comparison";
import type { RunRow } from "../../api/run-list";
import { lookOf } from "../../lib/state";
import { relative } from "../../lib/time";
import { ChooseDialog } from "../../ui/choose";
import { Button } from "../../ui/controls";

const MOST = 20;

/** Chooses an earlier run of the same workflow to lay beside this one. */
export function CompareWith({ workspace, id, path }: { workspace: string; id: string; path: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="branches" onClick={() => setOpen(true)}>
        Compare …
      </Button>
      {open && <Choose {...{ workspace, id, path }} close={() => setOpen(false)} />}
    </>
  );
}

function Choose(props: { workspace: string; id: string; path: string; close: () => void }) {
  const { workspace, id, path, close } = props;
  const go = useNavigate();
  const found = useQuery({
    queryKey: ["run", workspace, id, "before"],
    queryFn: async () => {
      const [earlier, success] = await Promise.all([
        runsBefore(workspace, path, id, MOST),
        runsBefore(workspace, path, id, 1, true),
      ]);
      return { earlier, success };
    },
  });
  const items = (rows: readonly RunRow[]) => rows.map((row) => ({ value: row.id, says: saysOf(row) }));
  const { success = [], earlier = [] } = found.data ?? {};
  const last = new Set(success.map((row) => row.id));
  return (
    <ChooseDialog
      title="Compare with an earlier run"
      placeholder="Find by state or id"
      none={found.isPending ? "Looking for earlier runs …" : "There is no earlier run of it."}
      groups={[
        { heading: "Last success", icon: "check", items: items(success) },
        { heading: "Earlier runs", icon: "clock", items: items(earlier.filter((row) => !last.has(row.id))) },
      ]}
      choose={(other) => void go(`/w/${workspace}/runs/${other}/compare/${id}`)}
      close={close}
    />
  );
}

const saysOf = (row: RunRow) => `${lookOf(row.status).word} ${relative(row.created_at, Date.now())}, ${row.trigger}`;
