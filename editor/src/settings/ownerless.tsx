import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { setAutomatic } from "../api/environments";
import { assignOwner, isActive, membersQuery, type OwnerlessItem, ownerlessQuery } from "../api/members";
import { kindName } from "../kinds/kind-name";
import { Link } from "../routing/link";
import { t } from "../texts/settings";
import { Button, Field } from "../ui/controls";
import { Select } from "../ui/select";
import { notify, notifyError } from "../ui/toasts";
import { canBeEnabled } from "./departure-dialog";
import { FormDialog, missing, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Items that act for disabled or removed members, all or only of one kind; nothing if there are none. */
export function Ownerless({ workspace, only }: { workspace: string; only?: string }) {
  const items = useQuery(ownerlessQuery(workspace)).data?.filter((each) => !only || each.kind === only);
  const [chosen, setChosen] = useState<OwnerlessItem | null>(null);
  if (!items?.length) return null;
  return (
    <section className={css.section} aria-labelledby="ownerless">
      <h2 id="ownerless">{t("settings.ownerless")}</h2>
      <p className={css.about}>{t("settings.ownerlessHint")}</p>
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
          <option value="">—</option>
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
