import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { fixViolations, loadViolations, type PolicyViolations, type StoredPolicy } from "../api/policies";
import { ItemLink } from "../kinds/item-link";
import { errorText } from "../lib/api-error";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Failed, Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import css from "./settings.module.css";

const LIMITS = {
  runs_waiting: t("settings.limitRunsWaiting"),
  runs_concurrent: t("settings.limitRunsConcurrent"),
  file_bytes: t("settings.limitFileBytes"),
};

/** Number of listed items up to which the next items are checked without a click. */
const MAX_LISTED = 500;

interface Props {
  workspace: string;
  policy: StoredPolicy;
  close: () => void;
}

/**
 * Dialog with the items that violate a policy today. Each page covers some of the items of the workspace; all are loaded
 * one after another, unless very many items violate the policy.
 */
export function ViolationsDialog({ workspace, policy, close }: Props) {
  const { name, scope } = policy;
  const found = useInfiniteQuery({
    queryKey: ["policy-violations", workspace, scope, name],
    gcTime: 0,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => loadViolations(workspace, policy, pageParam),
    getNextPageParam: (last) => last.next,
  });
  const pages = found.data?.pages ?? [];
  const items = pages.flatMap((page) => page.items);
  const limits = pages.flatMap((page) => page.limits);
  const unchecked = pages.flatMap((page) => page.unchecked);
  const { hasNextPage, isFetching, isError, fetchNextPage } = found;
  const continues = hasNextPage && !isError && items.length < MAX_LISTED;
  useEffect(() => {
    if (continues && !isFetching) void fetchNextPage();
  }, [continues, isFetching, fetchNextPage]);
  return (
    <Dialog title={t("settings.violationsOf", { name })} wide close={close}>
      <p>{t("settings.violationsHint")}</p>
      {found.isPending && <Skeleton />}
      {found.error && <Failed error={found.error} retry={() => void found.refetch()} />}
      {limits.map(({ resource, maximum, used }) => (
        <p key={`${resource} ${maximum}`} role="status">
          {used > maximum
            ? t("settings.policyLimitExceeded", { resource: LIMITS[resource], maximum })
            : t("settings.policyLimit", { resource: LIMITS[resource], used, maximum })}
        </p>
      ))}
      {found.data && limits.length === 0 && items.length === 0 && !found.hasNextPage && (
        <p role="status">{t("settings.noViolations")}</p>
      )}
      {items.length > 0 && (
        <ul className={css.list} aria-label={t("settings.violations")}>
          {items.map((item) => (
            <ViolatingItem
              key={`${item.kind} ${item.path}`}
              workspace={workspace}
              policy={policy}
              item={item}
              fixed={() => void found.refetch()}
            />
          ))}
        </ul>
      )}
      {unchecked.length > 0 && <p>{t("settings.violationsUnchecked", { paths: unchecked.join(", ") })}</p>}
      <div className={dialogCss.foot}>
        {continues && <span role="status">{t("settings.checkingMore")}</span>}
        {hasNextPage && !continues && (
          <Button disabled={found.isFetching} onClick={() => void found.fetchNextPage()}>
            {t("settings.checkMore")}
          </Button>
        )}
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}

interface ItemProps {
  workspace: string;
  policy: StoredPolicy;
  item: PolicyViolations["items"][number];
  fixed: () => void;
}

/** An item with its violations, and a button that corrects those whose correction needs no decision. */
function ViolatingItem({ workspace, policy, item, fixed }: ItemProps) {
  const { kind, path, violations } = item;
  const fixing = useMutation({
    mutationFn: () => fixViolations(workspace, policy, item),
    onSuccess: () => {
      notify(t("settings.violationsFixed", { path }));
      fixed();
    },
  });
  return (
    <li className={css.row}>
      <div className={css.what}>
        <ItemLink
          workspace={workspace}
          kind={kind}
          path={path}
          className={css.name ?? ""}
          to={`/w/${workspace}/${kind === "flow" ? "workflows" : "scripts"}/${path}`}
        />
        {violations.map((each) => (
          <span key={`${each.path} ${each.message}`} className={css.facts}>
            {withCode(each.message)}
          </span>
        ))}
        {fixing.isError && <p role="alert">{withCode(errorText(fixing.error))}</p>}
      </div>
      {violations.some((each) => each.fixable) && (
        <div className={css.tools}>
          <Button
            disabled={fixing.isPending}
            onClick={() => fixing.mutate()}
            aria-label={t("settings.fixViolationsOf", { path })}
          >
            {t("settings.fixViolations")}
          </Button>
        </div>
      )}
    </li>
  );
}
