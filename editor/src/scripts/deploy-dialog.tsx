import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { errorText } from "../api/client";
import { deployScript, getScript, scriptQuery, scriptUsersQuery } from "../api/scripts";
import { Button, Field, Input } from "../ui/controls";
import { dialogCss as css, Dialog } from "../ui/dialog";
import inspector from "../ui/panel.module.css";
import { notify } from "../ui/toasts";
import { useScriptStore } from "./store";
import { Users } from "./used-by";

/** Asks what changed, and says what the new version reaches, before it is deployed. */
export function DeployDialog({ close }: { close: () => void }) {
  const store = useScriptStore();
  const { workspace, path } = store.getState();
  const queries = useQueryClient();
  const [message, setMessage] = useState("");
  const users = useQuery({ ...scriptUsersQuery(workspace, path), retry: false });
  const reached = users.data?.filter((each) => !each.pinned) ?? [];
  const deploying = useMutation({
    mutationFn: async () => {
      const { deployed, content, language, summary, draft } = store.getState();
      await deployScript(workspace, path, deployed, { content, language, summary, message, draft: draft.revision });
      await Promise.all(
        ["script-versions", "scripts"].map((name) => queries.invalidateQueries({ queryKey: [name, workspace] })),
      );
      return getScript(workspace, path);
    },
    onSuccess: (deployed) => {
      queries.setQueryData(scriptQuery(workspace, path).queryKey, deployed);
      store.setState({ deployed, draft: { revision: null, state: "none" } });
      close();
      notify("Deployed: runs take this version from now on.");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    deploying.mutate();
  };
  return (
    <Dialog title="Deploy" close={close}>
      <form onSubmit={submit} className={inspector.inner}>
        <Field
          label="What changed?"
          help="Stands in the history beside the version."
          error={deploying.isError ? errorText(deploying.error) : undefined}
        >
          <Input value={message} onChange={(event) => setMessage(event.target.value)} />
        </Field>
        {reached.length > 0 && (
          <section aria-label="What it reaches" className={inspector.inner}>
            <p>
              {reached.length === 1 ? "One place runs it and takes" : `${reached.length} places run it and take`} the
              new version with the next run:
            </p>
            <Users users={reached} />
          </section>
        )}
        {users.isSuccess && reached.length === 0 && (
          <p className={css.description}>Nothing that you may read runs it yet.</p>
        )}
        <div className={css.foot}>
          <Button onClick={close}>Back</Button>
          <Button look="main" type="submit" disabled={deploying.isPending}>
            Deploy
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
