import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { setAutomatic } from "../api/environments";
import {
  assignOwner,
  isActive,
  membersQuery,
  type OwnerlessItem,
  ownerlessQuery,
  type Transfer,
  transferItems,
} from "../api/members";
import { kindName } from "../kinds/kind-name";
import { Link } from "../routing/link";
import { t } from "../texts/settings";
import { Button, Field } from "../ui/controls";
import { Select } from "../ui/select";
import { notify, notifyError } from "../ui/toasts";
import { canBeEnabled } from "./departure-dialog";
import { FormDialog, missing, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";
import { TransferTarget } from "./successors";
import { TransferResult } from "./transfer-result";

/** Items that act for disabled or removed members, all or only of one kind; nothing if there are none. */
export function Ownerless({ workspace, only }: { workspace: string; only?: string }) {
  const items = useQuery(ownerlessQuery(workspace)).data?.filter((each) => !only || each.kind === only);
  const [chosen, setChosen] = useState<OwnerlessItem | null>(null);
  if (!items?.length) return null;
  return (
    <section className={css.section} aria-labelledby="ownerless">
      <h2 id="ownerless">{t("settings.ownerless")}</h2>
      <p className={css.about}>{t("settings.ownerlessHint")}</p>
      {!only && <Leavers workspace={workspace} items={items} />}
      <Rows
        label={t("settings.ownerless")}
        items={items}
        keyOf={(each) => `${each.kind} ${each.path}`}
        row={(each) => (
          <>
            <div className={css.what}>
              <span className={css.name}>{each.path}</span>
              <span className={css.facts}>
                <span>{kindName(each.kind)}</span>
                <span>{t("settings.actedFor", { owner: each.permissioned_as })}</span>
              </span>
            </div>
            {each.kind === "automatic_promotion" ? (
              <AutomaticPromotion workspace={workspace} environment={each.path} />
            ) : (
              <Button onClick={() => setChosen(each)} aria-label={t("settings.assignOf", { path: each.path })}>
                {t("settings.assign")}
              </Button>
            )}
          </>
        )}
      />
      {chosen && <AssignDialog workspace={workspace} item={chosen} close={() => setChosen(null)} />}
    </section>
  );
}

/** Buttons that transfer the items at the paths of the former owners. */
function Leavers({ workspace, items }: { workspace: string; items: readonly OwnerlessItem[] }) {
  const members = useQuery(membersQuery(workspace)).data;
  const [leaver, setLeaver] = useState<string | null>(null);
  if (!members) return null;
  // The owner of a service account or of the error handler may be a member who is no longer an admin.
  const active = new Set(members.filter(isActive).map((each) => `u/${each.username}`));
  const owners = new Set(items.map((each) => each.permissioned_as));
  const left = [...owners].filter((each) => each.startsWith("u/") && !active.has(each)).sort();
  return (
    <>
      {left.length > 0 && (
        <div className={css.tools}>
          {left.map((each) => (
            <Button key={each} onClick={() => setLeaver(each.slice(2))}>
              {t("settings.transferOf", { name: each.slice(2) })}
            </Button>
          ))}
        </div>
      )}
      {leaver !== null && <TransferDialog workspace={workspace} username={leaver} close={() => setLeaver(null)} />}
    </>
  );
}

/** Dialog that transfers the items at the paths of a member who has left. */
function TransferDialog({ workspace, username, close }: { workspace: string; username: string; close: () => void }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [target, setTarget] = useState("");
  const [transfer, setTransfer] = useState<Transfer | null>(null);
  const submit = async () => {
    const move = async () => setTransfer(await transferItems(workspace, username, target));
    if (!(await submission.send(move, { target: missing(target) }))) return;
    await queries.invalidateQueries();
  };
  if (transfer) return <TransferResult transfer={transfer} close={close} />;
  return (
    <FormDialog
      title={t("settings.transferOf", { name: username })}
      submitLabel={t("settings.transfer")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <TransferTarget
        label={t("settings.transferTo")}
        none={t("settings.choose")}
        workspace={workspace}
        chosen={target}
        set={setTarget}
        error={submission.errors.target}
      />
    </FormDialog>
  );
}

/** An automatic promotion, which only a member can continue, with the own rights: it reads other workspaces with them. */
function AutomaticPromotion({ workspace, environment }: { workspace: string; environment: string }) {
  const queries = useQueryClient();
  const taking = useMutation({
    mutationFn: () => setAutomatic(workspace, true),
    onError: notifyError,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["members", workspace] }),
  });
  return (
    <>
      <Link to={`/w/${workspace}/environments/${encodeURIComponent(environment)}`}>
        {t("settings.openEnvironment")}
      </Link>
      <Button disabled={taking.isPending} onClick={() => taking.mutate()}>
        {t("settings.promoteAsMe")}
      </Button>
    </>
  );
}

function AssignDialog({ workspace, item, close }: { workspace: string; item: OwnerlessItem; close: () => void }) {
  const queries = useQueryClient();
  const members = useQuery(membersQuery(workspace));
  const submission = useSubmission();
  const stopped = canBeEnabled(item.kind);
  const [owner, setOwner] = useState("");
  const [enable, setEnable] = useState(stopped);
  const [references, setReferences] = useState(false);
  const { kind, path } = item;
  const submit = async () => {
    const assign = () => assignOwner(workspace, { kind, path, owner, enable, references });
    if (!(await submission.send(assign, { owner: missing(owner) }))) return;
    notify(t("settings.assigned", { path, owner }));
    close();
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  return (
    <FormDialog
      title={t("settings.assignOf", { path })}
      submitLabel={t("settings.assign")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.newOwner")} help={t("settings.newOwnerRights")} error={submission.errors.owner}>
        <Select value={owner} set={setOwner}>
          <option value="">{t("settings.choose")}</option>
          {members.data?.filter(isActive).map((each) => (
            <option key={each.username} value={`u/${each.username}`}>
              {each.username}
            </option>
          ))}
        </Select>
      </Field>
      {stopped && (
        <label className={css.check}>
          <input type="checkbox" checked={enable} onChange={(event) => setEnable(event.target.checked)} />
          {t("settings.enableAgain")}
        </label>
      )}
      {kind === "schedule" && (
        <label className={css.check}>
          <input type="checkbox" checked={references} onChange={(event) => setReferences(event.target.checked)} />
          {t("settings.allowReferences")}
        </label>
      )}
    </FormDialog>
  );
}
