import { useQuery } from "@tanstack/react-query";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { toggleTheme } from "../lib/theme";
import { useNavigate } from "../routing/hooks";
import { useSettingsPages } from "../settings/pages";
import { t } from "../texts/t";
import { useReadOnly } from "../ui/access";
import { dialogCss as css } from "../ui/dialog";
import { SearchDialog } from "../ui/search-dialog";
import { PAGES } from "./pages";
import type { PageDialog } from "./use-dialog-keys";

interface Props {
  workspace: string;
  open: (dialog: PageDialog) => void;
  close: () => void;
}

/** Name, icon and function of a command. */
type Command = [string, string, () => void];

/** Command palette of every page: search of pages, commands, settings, workflows and scripts. */
export default function Palette({ workspace, open, close }: Props) {
  const navigate = useNavigate();
  const readOnly = useReadOnly();
  const flows = useQuery(flowsQuery(workspace));
  const scripts = useQuery(scriptsQuery(workspace));
  const settings = useSettingsPages(workspace).flatMap(([, pages]) => pages);
  const go = (to: string) => {
    close();
    void navigate(`/w/${workspace}${to}`);
  };
  const created: Command[] = [
    [t("shell.newWorkflow"), "plus", () => go("/workflows?new=1")],
    [t("shell.newScript"), "plus", () => go("/scripts?new=1")],
  ];
  const commands: Command[] = [
    ...(readOnly ? [] : created),
    [t("shell.searchRunData"), "search", () => go("/runs/search")],
    [t("shell.shortcuts"), "keys", () => open("shortcuts")],
    [
      t("shell.theme"),
      "moon",
      () => {
        close();
        toggleTheme();
      },
    ],
  ];
  const pages = PAGES.map(({ name, to, icon }) => ({
    value: `page ${name}`,
    keywords: [name],
    icon,
    name,
    choose: () => go(to),
  }));
  const item =
    (kind: string, icon: string, to: string) =>
    ({ path, summary }: { path: string; summary: string }) => ({
      value: `${kind} ${path}`,
      keywords: [summary || path],
      icon,
      name: summary || path,
      detail: <span className={css.description}>{path}</span>,
      choose: () => go(`${to}/${path}`),
    });
  return (
    <SearchDialog
      title={t("shell.palette")}
      hideTitle
      placeholder={t("shell.paletteSearch")}
      emptyText={t("shell.paletteEmpty")}
      groups={[
        { heading: t("shell.pages"), options: pages },
        {
          heading: t("shell.commands"),
          options: commands.map(([name, icon, choose]) => ({ value: name, icon, name, choose })),
        },
        {
          heading: t("shell.pageSettings"),
          options: settings.map(([name, to]) => ({
            ...{ value: `settings ${to}`, keywords: [name], icon: "gear", name },
            choose: () => go(`/settings/${to}`),
          })),
        },
        { heading: t("shell.pageWorkflows"), options: (flows.data ?? []).map(item("workflow", "flow", "/workflows")) },
        { heading: t("shell.pageScripts"), options: (scripts.data ?? []).map(item("script", "script", "/scripts")) },
      ]}
      close={close}
    />
  );
}
