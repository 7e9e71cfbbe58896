import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { meQuery } from "../api/session";
import {
  deleteWorkerGroup,
  type NamedWorkerGroup,
  saveWorkerGroup,
  type WorkerGroup,
  workerGroupsQuery,
} from "../api/worker-groups";
import { errorText, settingConflict } from "../lib/api-error";
import { t } from "../texts/workers";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { fieldsOf, groupOf } from "./group-fields";
import css from "./workers.module.css";

const LEVELS = ["none", "landlock", "userns", "full"];
const NO_SETTINGS: WorkerGroup = {};

/** Worker groups with their settings, which superadmins change. */
export function Groups() {
  const groups = useQuery(workerGroupsQuery).data ?? [];
  const admin = useQuery(meQuery).data?.superAdmin ?? false;
  const [edited, edit] = useState<NamedWorkerGroup | null>(null);
  return (
    <section className={css.section} aria-labelledby="groups">
      <div className={css.head}>
        <h2 id="groups">{t("workers.groups")}</h2>
        {admin && (
          <Button icon="plus" onClick={() => edit({ name: "", config: NO_SETTINGS })}>
            {t("workers.newGroup")}
          </Button>
        )}
      </div>
      {groups.length > 0 && (
        <ul className={css.list} aria-label={t("workers.groups")}>
          {groups.map((each) => (
            <li key={each.name} className={css.worker}>
              <div className={css.heading}>
                <span className={css.name}>{each.name}</span>
                {admin && (
                  <span className={css.tools}>
                    <Button icon="edit" onClick={() => edit(each)}>
                      {t("ui.edit")}
                    </Button>
                  </span>
                )}
              </div>
              <Facts group={each.config} />
            </li>
          ))}
        </ul>
      )}
      {edited && <GroupDialog group={edited} close={() => edit(null)} />}
    </section>
  );
}

function Facts({ group }: { group: WorkerGroup | null }) {
  if (!group) return <p className={css.soft}>{t("workers.groupByEnvironment")}</p>;
  const first = Object.entries(group.priority_tags ?? {}).sort(([, one], [, other]) => other - one);
  const variables = Object.keys(group.env_vars_static ?? {});
  return (
    <div className={css.facts}>
      {group.worker_tags && <span>{t("workers.queuesOf", { names: group.worker_tags.join(", ") })}</span>}
      {first.length > 0 && <span>{t("workers.firstQueues", { names: first.map(([name]) => name).join(", ") })}</span>}
      {group.slots && <span>{t("workers.groupSlots", { count: group.slots })}</span>}
      {variables.length > 0 && <span>{t("workers.groupVariables", { names: variables.join(", ") })}</span>}
      {group.isolation && <span>{t("workers.groupIsolation", { level: group.isolation })}</span>}
      {group.network === "none" && <span>{t("workers.groupNoNetwork")}</span>}
    </div>
  );
}

function GroupDialog({ group, close }: { group: NamedWorkerGroup; close: () => void }) {
  const { name, config } = group;
  const queries = useQueryClient();
  const [typedName, setName] = useState(name);
  const [fields, setFields] = useState(fieldsOf(config ?? NO_SETTINGS));
  const [error, setError] = useState("");
  // Version that the changes are based on.
  const [base, setBase] = useState(group.version ?? "default");
  const set = (changed: Partial<typeof fields>) => setFields({ ...fields, ...changed });
  const done = async (message: string) => {
    notify(message);
    close();
    await queries.invalidateQueries({ queryKey: ["worker-groups"] });
  };
  const attempt = async (change: () => Promise<void>, message: string) => {
    try {
      await change();
      await done(message);
    } catch (problem) {
      // The conflict shows the stored settings: the next attempt replaces those.
      setBase(settingConflict(problem)?.newest ?? base);
      setError(errorText(problem));
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const saved = typedName.trim();
    void attempt(() => saveWorkerGroup(saved, groupOf(fields), base), t("workers.groupSaved", { name: saved }));
  };
  const remove = () => attempt(() => deleteWorkerGroup(name, base), t("workers.groupDeleted", { name }));
  return (
    <Dialog title={name ? t("workers.groupTitle", { name }) : t("workers.newGroup")} close={close}>
      <form className={css.form} onSubmit={submit}>
        {!name && (
          <Field label={t("workers.groupName")} help={t("workers.groupNameHint")}>
            <Input value={typedName} required onChange={(event) => setName(event.target.value)} />
          </Field>
        )}
        <Field label={t("workers.groupQueues")} help={t("workers.groupQueuesHint")}>
          <Input value={fields.queues} onChange={(event) => set({ queues: event.target.value })} />
        </Field>
        <Field label={t("workers.groupPriorities")} help={t("workers.groupPrioritiesHint")}>
          <textarea
            className={css.lines}
            rows={2}
            value={fields.priorities}
            onChange={(event) => set({ priorities: event.target.value })}
          />
        </Field>
        <Field label={t("workers.slotsTotal")} help={t("workers.groupSlotsHint")}>
          <Input
            type="number"
            min={1}
            max={1000}
            value={fields.slots}
            onChange={(event) => set({ slots: event.target.value })}
          />
        </Field>
        <Field label={t("workers.groupEnvironment")} help={t("workers.groupEnvironmentHint")}>
          <textarea
            className={css.lines}
            rows={4}
            value={fields.variables}
            onChange={(event) => set({ variables: event.target.value })}
          />
        </Field>
        <Field label={t("workers.groupLevel")} help={t("workers.groupLevelHint")}>
          <Select value={fields.isolation} set={(isolation) => set({ isolation })}>
            <option value="">{t("workers.groupAnyLevel")}</option>
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("workers.groupNetwork")} help={t("workers.groupNetworkHint")}>
          <Select value={fields.network} set={(network) => set({ network })}>
            <option value="">{t("workers.groupAnyNetwork")}</option>
            <option value="none">{t("workers.groupNoNetwork")}</option>
          </Select>
        </Field>
        {error && (
          <p className={css.problem} role="alert">
            {withCode(error)}
          </p>
        )}
        <div className={dialogCss.foot}>
          {name && config && (
            <Button look="danger" onClick={() => void remove()}>
              {t("workers.deleteGroup")}
            </Button>
          )}
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button type="submit" look="main">
            {name ? t("ui.save") : t("workers.createGroup")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
