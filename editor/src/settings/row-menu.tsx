import { useState } from "react";
import { lazyComponent } from "../lib/lazy-component";
import { useSharing } from "../sharing/use-sharing";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Popover } from "../ui/popover";

const ReferencesDialog = lazyComponent(() => import("../references/dialog"));

interface Props {
  workspace: string;
  kind: "folder" | "variable" | "resource";
  path: string;
}

/** Menu of an item in a list: who has access to it, and which items use a variable or resource. */
export function RowMenu({ workspace, kind, path }: Props) {
  const sharing = useSharing({ workspace, kind, path });
  const [users, setUsers] = useState(false);
  return (
    <>
      <Popover label={t("ui.actionsOf", { name: kind === "folder" ? `f/${path}` : path })} icon="dots">
        <Button look="quiet" icon="share" onClick={sharing.share}>
          {t("ui.share")}
        </Button>
        {kind !== "folder" && (
          <Button look="quiet" icon="link" onClick={() => setUsers(true)}>
            {t("settings.usedBy")}
          </Button>
        )}
      </Popover>
      {sharing.dialog}
      {users && kind !== "folder" && (
        <ReferencesDialog workspace={workspace} kind={kind} path={path} close={() => setUsers(false)} />
      )}
    </>
  );
}
