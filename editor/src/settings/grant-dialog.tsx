import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Grant } from "../api/identity-providers";
import type { Role } from "../api/members";
import { workspacesQuery } from "../api/workspaces";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { RoleOptions, roleName } from "./new-member";
import { FormDialog, missing, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Return what a grant is for, and its workspace. */
export const nameOfGrant = ({ claim, domain, workspace }: Grant): string =>
  `${domain ? `@${domain}` : claim} → ${workspace}`;

/** Name, role and groups of a grant in a list. */
export function GrantFacts({ grant }: { grant: Grant }) {
  return (
    <div className={css.what}>
      <span className={css.heading}>
        <span className={css.name}>{nameOfGrant(grant)}</span>
        <span className={css.chip}>{roleName(grant.role)}</span>
      </span>
      <span className={css.facts}>
        {grant.groups?.map((group) => (
          <code key={group}>g/{group}</code>
        ))}
      </span>
    </div>
  );
}

interface Props {
  /** Offer grants for the domain of an address, which providers of single sign-on have. */
  domains?: boolean;
  add: (grant: Grant) => Promise<unknown>;
  close: () => void;
}

/** Dialog that adds a membership which a group at the identity provider, or a domain, grants. */
export function GrantDialog({ domains = false, add, close }: Props) {
  const workspaces = useQuery(workspacesQuery).data ?? [];
  const submission = useSubmission();
  const [by, setBy] = useState<"claim" | "domain">("claim");
  const [name, setName] = useState("");
  const [workspace, setWorkspace] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [groups, setGroups] = useState("");
  const submit = async () => {
    const added = { [by]: name.trim(), workspace, role, groups: groups.split(/[\s,]+/).filter(Boolean) };
    if (await submission.send(() => add(added), { name: missing(name), workspace: missing(workspace) })) close();
  };
  return (
    <FormDialog
      title={t("settings.newGrant")}
      submitLabel={t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {domains && (
        <Field label={t("settings.grantBy")} help={by === "domain" ? t("settings.grantDomainHint") : undefined}>
          <Select value={by} set={(next) => setBy(next as "claim" | "domain")}>
            <option value="claim">{t("settings.grantClaim")}</option>
            <option value="domain">{t("settings.grantDomain")}</option>
          </Select>
        </Field>
      )}
      <Field
        label={by === "claim" ? t("settings.grantClaim") : t("settings.grantDomain")}
        error={submission.errors.name}
      >
        <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
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
