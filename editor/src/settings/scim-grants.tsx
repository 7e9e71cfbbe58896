import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Grant } from "../api/identity-providers";
import { type InstanceSetting, instanceSettingsQuery, setInstanceSetting } from "../api/instance-settings";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import type { Json } from "../workflow/types";
import { DeleteButton } from "./delete-button";
import { GrantDialog, GrantFacts, nameOfGrant } from "./grant-dialog";
import { Loaded, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

const NAME = "scim_grants";

/** Memberships that groups of a SCIM client grant, with the version of the setting that changes are based on. */
export function ScimGrants() {
  const queries = useQueryClient();
  const settings = useQuery(instanceSettingsQuery);
  const [adding, setAdding] = useState(false);
  const setting = settings.data?.find((each) => each.name === NAME);
  const grants = (setting?.value ?? []) as unknown as Grant[];
  const add = async (grant: Grant) => {
    try {
      if (setting) await setInstanceSetting(NAME, [...grants, grant] as unknown as Json, setting.version);
    } finally {
      // After a conflict, the next attempt adds to the grants that are stored now.
      await queries.invalidateQueries(instanceSettingsQuery);
    }
  };
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
        keyOf={({ grant, place }) => `${nameOfGrant(grant)} ${place}`}
        row={({ grant, place }) =>
          setting && <GrantRow grant={grant} setting={setting} others={grants.filter((_, other) => other !== place)} />
        }
      />
      {adding && <GrantDialog add={add} close={() => setAdding(false)} />}
    </section>
  );
}

function GrantRow({ grant, setting, others }: { grant: Grant; setting: InstanceSetting; others: Grant[] }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const name = nameOfGrant(grant);
  const remove = async () => {
    try {
      await setInstanceSetting(NAME, others as unknown as Json, setting.version);
    } finally {
      await queries.invalidateQueries(instanceSettingsQuery);
    }
  };
  return (
    <>
      <GrantFacts grant={grant} />
      <DeleteButton name={name} hint={t("settings.deleteGrantHint")} submission={submission} remove={remove} />
      <Problem text={submission.errors[""]} />
    </>
  );
}
