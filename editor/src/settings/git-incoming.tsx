import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  applyIncoming,
  type IncomingItem,
  type IncomingPlan,
  type ItemChoice,
  incomingDifferenceQuery,
  incomingQuery,
} from "../api/git";
import { kindName } from "../kinds/kind-name";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Failed, Skeleton } from "../ui/states";
import { notify, notifyWarning } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { Loaded, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

const ItemDifference = lazyComponent(
  async () => ({ default: (await import("../versions/item-difference")).ItemDifference }),
  <Skeleton rows={2} />,
);

type Choices = Readonly<Record<string, ItemChoice["choice"] | "">>;

const ACTIONS: Readonly<Record<string, string>> = {
  add: t("settings.gitAdd"),
  change: t("settings.gitChange"),
  remove: t("settings.gitRemove"),
  unchanged: t("settings.gitUnchanged"),
  conflict: t("settings.gitConflict"),
};

const keyOf = (item: IncomingItem) => `${item.kind} ${item.path}`;

const isUnreadable = (item: IncomingItem) => item.action === "conflict" && Boolean(item.reason);

/** Names of the items that use a removed item, and the number of those that cannot be read. */
function usersOf({ used_by, hidden_uses }: IncomingItem): string {
  const names = [...new Set(used_by.map(({ kind, path }) => `${kindName(kind)} ${path}`))];
  const hidden = hidden_uses > 0 ? [t("settings.gitHidden", { count: hidden_uses })] : [];
  return [...names, ...hidden].join(", ");
}

/** Plan of the changes of the repository, which are applied only from here or by the API. */
export function IncomingChanges({ workspace, fetched }: { workspace: string; fetched: string }) {
  const query = useQuery(incomingQuery(workspace, fetched));
  const plan = query.data;
  return (
    <>
      <Loaded query={query} />
      {plan && plan.items.length === 0 && <p className={css.about}>{t("settings.gitNoIncoming")}</p>}
      {plan && plan.hidden > 0 && <p className={css.note}>{t("settings.gitHidden", { count: plan.hidden })}</p>}
      {plan && plan.items.length > 0 && <Plan key={plan.plan_hash} workspace={workspace} plan={plan} />}
    </>
  );
}

function Plan({ workspace, plan }: { workspace: string; plan: IncomingPlan }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [choices, setChoices] = useState<Choices>({});
  const [left, setLeft] = useState<ReadonlySet<string>>(() => new Set(plan.items.filter(isUnreadable).map(keyOf)));
  const [message, setMessage] = useState("");
  const items = plan.items.filter((each) => !left.has(keyOf(each)));
  const isOpen = items.some((each) => each.action === "conflict" && !choices[keyOf(each)]);
  const apply = async () => {
    const chosen = items.flatMap((each) => {
      const choice = choices[keyOf(each)];
      return choice ? [{ kind: each.kind, path: each.path, choice }] : [];
    });
    let warnings: string[] = [];
    const send = async () => {
      warnings = await applyIncoming(workspace, plan, items, chosen, message.trim());
    };
    if (!(await submission.send(send))) return;
    notify(t("settings.gitApplied"));
    warnings.forEach(notifyWarning);
    await queries.invalidateQueries({ queryKey: ["git", workspace] });
  };
  return (
    <>
      <Rows
        label={t("settings.gitIncoming")}
        items={plan.items}
        keyOf={keyOf}
        row={(each) => (
          <ItemRow
            workspace={workspace}
            plan={plan.plan_hash}
            item={each}
            applied={!left.has(keyOf(each))}
            setApplied={(applied) => setLeft((before) => withOrWithout(before, keyOf(each), !applied))}
            choice={choices[keyOf(each)] ?? ""}
            choose={(choice) => setChoices((before) => ({ ...before, [keyOf(each)]: choice }))}
          />
        )}
      />
      <div className={css.filters}>
        <Field label={t("settings.gitMessage")}>
          <Input value={message} onChange={(event) => setMessage(event.target.value)} />
        </Field>
        <Button look="main" disabled={submission.busy || isOpen || items.length === 0} onClick={() => void apply()}>
          {t("settings.gitApply")}
        </Button>
      </div>
      <p className={css.note}>{t(isOpen ? "settings.gitChooseFirst" : "settings.gitApplyHint")}</p>
      <Problem text={submission.errors[""]} />
    </>
  );
}

function withOrWithout(names: ReadonlySet<string>, name: string, included: boolean): ReadonlySet<string> {
  const others = [...names].filter((each) => each !== name);
  return new Set(included ? [...others, name] : others);
}

interface RowProps {
  workspace: string;
  /** Hash of the plan. */
  plan: string;
  item: IncomingItem;
  applied: boolean;
  setApplied: (applied: boolean) => void;
  choice: ItemChoice["choice"] | "";
  choose: (choice: ItemChoice["choice"] | "") => void;
}

function ItemRow({ workspace, plan, item, applied, setApplied, choice, choose }: RowProps) {
  const [open, setOpen] = useState(false);
  const places = (item.places ?? []).filter(Boolean);
  const users = usersOf(item);
  return (
    <>
      <div className={css.what}>
        <label className={css.heading}>
          <input
            type="checkbox"
            aria-label={t("settings.gitApplyItem", { name: item.path })}
            checked={applied}
            onChange={(event) => setApplied(event.target.checked)}
          />
          <span className={css.name}>{item.path}</span>
          <span className={css.chip}>{kindName(item.kind)}</span>
        </label>
        <span className={css.facts}>
          <span>{isUnreadable(item) ? t("settings.gitUnreadable") : (ACTIONS[item.action] ?? item.action)}</span>
          {item.merged && !item.places && <span>{t("settings.gitMerged")}</span>}
          {places.length > 0 && <span className={css.mono}>{places.join(", ")}</span>}
          {item.moved_to && <span>{t("settings.gitMovedTo", { path: item.moved_to })}</span>}
          {item.reason && <span>{withCode(item.reason)}</span>}
          {item.secrets.length > 0 && <span>{t("settings.gitSecrets", { places: item.secrets.join(", ") })}</span>}
          {users && <span>{t("settings.gitStillUsed", { names: users })}</span>}
        </span>
      </div>
      <div className={css.tools}>
        {item.action === "conflict" && applied && (
          <Select
            aria-label={t("settings.gitSideOf", { name: item.path })}
            value={choice}
            set={(to) => choose(to as ItemChoice["choice"] | "")}
          >
            <option value="">{t("settings.gitChoose")}</option>
            {!(item.reason && item.is_new) && <option value="workspace">{t("settings.gitKeep")}</option>}
            {!item.reason && <option value="repository">{t("settings.gitTake")}</option>}
          </Select>
        )}
        {!item.reason && item.action !== "unchanged" && (
          <Button
            look="quiet"
            icon="down"
            aria-expanded={open}
            aria-label={t("settings.gitDifferencesOf", { name: item.path })}
            onClick={() => setOpen(!open)}
          >
            {t("settings.gitDifferences")}
          </Button>
        )}
      </div>
      {open && <Difference workspace={workspace} plan={plan} item={item} />}
    </>
  );
}

function Difference({ workspace, plan, item }: Pick<RowProps, "workspace" | "plan" | "item">) {
  const query = useQuery(incomingDifferenceQuery(workspace, plan, item));
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton rows={2} />;
  const after = item.action === "conflict" ? "settings.gitInRepository" : "settings.gitAfter";
  return <ItemDifference change={query.data} titles={[t("settings.gitInWorkspace"), t(after)]} />;
}
