import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { flowQuery } from "../api/flows";
import { startFlow } from "../api/runs";
import { InputForm } from "../forms/input-form";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/workflows";
import { Dialog } from "../ui/dialog";
import { Failed, Skeleton } from "../ui/states";
import type { Json, Tree } from "../workflow/types";

/** Dialog with the inputs of a deployed workflow, which starts a run and opens it. */
export default function RunDialog(props: { workspace: string; path: string; name: string; close: () => void }) {
  const { workspace, path, name, close } = props;
  const navigate = useNavigate();
  const flow = useQuery(flowQuery(workspace, path));
  const [busy, setBusy] = useState(false);
  const run = async (args: Tree) => {
    setBusy(true);
    try {
      await navigate(`/w/${workspace}/runs/${await startFlow(workspace, path, args)}`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("workflows.runNamed", { name })} close={close}>
      {flow.isPending && <Skeleton rows={3} />}
      {flow.error && <Failed error={flow.error} retry={() => void flow.refetch()} />}
      {flow.data && <InputForm schema={flow.data.schema as Json | undefined} busy={busy} run={run} cancel={close} />}
    </Dialog>
  );
}
