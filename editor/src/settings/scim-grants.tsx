import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type InstanceSetting, instanceSettingsQuery, setInstanceSetting } from "../api/instance-settings";
import type { Role } from "../api/members";
import { workspacesQuery } from "../api/workspaces";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import type { Json } from "../workflow/types";
import { DeleteButton } from "./delete-button";
import { RoleOptions, roleName } from "./new-member";
import { FormDialog, Loaded, missing, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Membership that a group of the identity provider grants. */
interface Grant {
  claim: string;
  workspace: string;
  role: Role;
  groups?: string[];
}

const NAME = "scim_grants";

/** Memberships that groups of a SCIM client grant, with the version of the setting that changes are based on. */
export function ScimGrants() {
  const settings = useQuery(instanceSettingsQuery);
  const [adding, setAdding] = useState(false);
  const setting = settings.data?.find((each) => each.name === NAME);
  const grants = (setting?.value ?? []) as unknown as Grant[];
  return (
    <section className={css.section} aria-labelledby="scim-grants">
      <div className={css.head}>
        <h2 id="scim-grants">{t("settings.scimGrants")}</h2>
        <Button icon="plus" disabled={!setting} onClick={() => setAdding(true)}>
          {t("settings.newGrant")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.scimGrantsHint")}</p>
      <Loaded query={settings} />
      <Rows
        label={t("settings.scimGrants")}
        items={grants.map((grant, place) => ({ grant, place }))}
        keyOf={({ grant, place }) => `${grant.claim} ${grant.workspace} ${place}`}
        row={({ grant, place }) =>
          setting && <GrantRow grant={grant} setting={setting} others={grants.filter((_, other) => other !== place)} />
        }
      />
      {adding && setting && <GrantDialog setting={setting} grants={grants} close={() => setAdding(false)} />}
    </section>
  );
}

function GrantRow({ grant, setting, others }: { grant: Grant; setting: InstanceSetting; others: Grant[] }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const name = `${grant.claim} → ${grant.workspace}`;
  const remove = async () => {
    try {
      await setInstanceSetting(NAME, others as unknown as Json, setting.version);
    } finally {
      await queries.invalidateQueries(instanceSettingsQuery);
    }
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{name}</span>
          <span className={css.chip}>{roleName(grant.role)}</span>
        </span>
        <span className={css.facts}>
          {grant.groups?.map((group) => (
            <code key={group}>g/{group}</code>
          ))}
        </span>
      </div>
      <DeleteButton name={name} hint={t("settings.deleteGrantHint")} submission={submission} remove={remove} />
      <Problem text={submission.errors[""]} />
    </>
  );
}

function GrantDialog({ setting, grants, close }: { setting: InstanceSetting; grants: Grant[]; close: () => void }) {
  const queries = useQueryClient();
  const workspaces = useQuery(workspacesQuery).data ?? [];
  const submission = useSubmission();
  const [claim, setClaim] = useState("");
  const [workspace, setWorkspace] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [groups, setGroups] = useState("");
  const submit = async () => {
    const added: Grant = { claim: claim.trim(), workspace, role, groups: groups.split(/[\s,]+/).filter(Boolean) };
    const save = () => setInstanceSetting(NAME, [...grants, added] as unknown as Json, setting.version);
    const saved = await submission.send(save, { claim: missing(claim), workspace: missing(workspace) });
    if (saved) close();
    // After a conflict, the next attempt adds to the grants that are stored now.
    await queries.invalidateQueries(instanceSettingsQuery);
  };
  return (
    <FormDialog
      title={t("settings.newGrant")}
      submitLabel={t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.grantClaim")} error={submission.errors.claim}>
        <Input value={claim} spellCheck={false} onChange={(event) => setClaim(event.target.value)} />
      </Field>
      <Field label={t("settings.grantWorkspace")} error={submission.errors.workspace}>
        <Select value={workspace} set={setWorkspace}>
          <option value="">{t("settings.choose")}</option>
          {workspaces.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </Select>
      </Field>
      <Field label={t("settings.role")}>
        <Select value={role} set={(next) => setRole(next as Role)}>
          <RoleOptions />
        </Select>
      </Field>
      <Field label={t("settings.grantGroups")} help={t("settings.grantGroupsHint")}>
        <Input value={groups} spellCheck={false} onChange={(event) => setGroups(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
