import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deployFlow, emptyFlow } from "../api/flows";
import { templateQuery } from "../api/templates";
import { ApiError } from "../lib/api-error";
import { t } from "../texts/workflows";
import { EditButton } from "../ui/access-buttons";
import { notify, notifyError } from "../ui/toasts";

/** Examples that the first start of an instance deploys, in its order. */
const EXAMPLES = ["order_processing", "order_receipt"];
const FOLDER = "f/examples";

/** Button that deploys the example workflows into a workspace, with the permissions of the user. */
export default function CreateExamples({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const creating = useMutation({
    mutationFn: async () => {
      for (const name of EXAMPLES) {
        const text = await queries.fetchQuery(templateQuery(workspace, name));
        const flow = emptyFlow(`${FOLDER}/${name}`);
        await deployFlow(workspace, flow, { text, message: "", draft: null }).catch(ignoreTaken);
      }
    },
    onSuccess: () => notify(t("workflows.examplesCreated")),
    onError: notifyError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["flows", workspace] }),
  });
  return (
    <EditButton disabled={creating.isPending} onClick={() => creating.mutate()}>
      {t("workflows.createExamples")}
    </EditButton>
  );
}

/** An example that is archived, or that another user has just created, stays as it is. */
function ignoreTaken(error: unknown): void {
  if (!(error instanceof ApiError && error.code === "already_exists")) throw error;
}
