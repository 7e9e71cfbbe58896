import { useState } from "react";
import type { Access, ActionAccess, MemberAccess } from "../api/access";
import { t } from "../texts/sharing";
import type { Key } from "../texts/t";
import { Input } from "../ui/controls";
import { dialogCss } from "../ui/dialog";
import { Icon } from "../ui/icon";
import css from "./sharing.module.css";
import { type Verdict, verdictsOf } from "./verdicts";

const REASONS: Readonly<Record<string, Key>> = {
  superadmin: "sharing.whySuperadmin",
  admin: "sharing.whyAdmin",
  owner: "sharing.whyOwner",
  folder_owner: "sharing.whyFolderOwner",
  folder: "sharing.whyFolder",
  item: "sharing.whyItem",
};

const ROLES: Readonly<Record<string, string>> = {
  admin: t("sharing.roleAdmin"),
  developer: t("sharing.roleDeveloper"),
  operator: t("sharing.roleOperator"),
  viewer: t("sharing.roleViewer"),
};

/** Members with the actions that they may perform, and why. */
export function Members({ access }: { access: Access }) {
  const [wanted, setWanted] = useState("");
  const found = access.members.filter(({ username, email }) =>
    `${username} ${email}`.toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  const explained = found.filter((each) => verdictsOf(each).length > 0);
  const others = found.filter((each) => verdictsOf(each).length === 0);
  return (
    <section className={css.section} aria-labelledby="sharing-members">
      <h3 id="sharing-members">{t("sharing.members")}</h3>
      {access.complete ? (
        <Input
          type="search"
          aria-label={t("sharing.search")}
          placeholder={t("ui.search")}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      ) : (
        <p className={dialogCss.description}>{t("sharing.ownOnly")}</p>
      )}
      {found.length === 0 && <p className={dialogCss.description}>{t("ui.noMatches")}</p>}
      <ul className={css.list} aria-label={t("sharing.members")}>
        {explained.map((each) => (
          <MemberRow key={each.username} member={each} />
        ))}
      </ul>
      {others.length > 0 && (
        <p className={dialogCss.description}>
          {t("sharing.noAccess", { names: others.map((each) => each.username).join(", ") })}
        </p>
      )}
    </section>
  );
}

function MemberRow({ member }: { member: MemberAccess }) {
  return (
    <li className={css.member}>
      <span>
        <span className={css.name}>{member.username}</span>{" "}
        <span className={dialogCss.description}>{ROLES[member.role] ?? member.role}</span>
      </span>
      {verdictsOf(member).map((each) => (
        <VerdictLine key={each.actions[0]} verdict={each} />
      ))}
    </li>
  );
}

function VerdictLine({ verdict }: { verdict: Verdict }) {
  const { actions, allowed } = verdict;
  const names = actions.map((action) => t(`sharing.${action}`)).join(", ");
  return (
    <span className={css.verdict} data-allowed={allowed}>
      <Icon name={allowed ? "check" : "cross"} size={14} />
      <span>
        {allowed
          ? t("sharing.may", { actions: names, reasons: reasonsOf(verdict) })
          : t("sharing.mayNot", {
              actions: names,
              reasons: reasonsOf(verdict),
              roles: rolesOf(verdict),
              count: verdict.requires_roles?.length ?? 0,
            })}
      </span>
    </span>
  );
}

const reasonsOf = ({ reasons }: ActionAccess): string =>
  reasons.map(({ why, principal = "" }) => t(REASONS[why] ?? "sharing.whyItem", { principal })).join("; ");

const rolesOf = ({ requires_roles: roles = [] }: ActionAccess): string =>
  roles.map((role) => ROLES[role] ?? role).join(", ");
