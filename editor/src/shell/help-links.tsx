import { BASE } from "../api/client";
import { t } from "../texts/t";
import { Button, LinkButton } from "../ui/controls";
import type { PageDialog } from "./use-dialog-keys";

interface Props {
  open: (dialog: PageDialog) => void;
  /** Show icons only; names are tooltips. */
  collapsed?: boolean;
}

/** The documentation and the list of keyboard shortcuts. */
export function HelpLinks({ open, collapsed = false }: Props) {
  const [documentation, shortcuts] = [t("shell.documentation"), t("shell.shortcuts")];
  const square = collapsed ? "" : undefined;
  return (
    <>
      <Button
        look="quiet"
        icon="keys"
        aria-label={shortcuts}
        title={`${shortcuts} (?)`}
        data-square={square}
        onClick={() => open("shortcuts")}
      >
        {!collapsed && shortcuts}
      </Button>
      <LinkButton
        look="quiet"
        icon="book"
        to={`${BASE}/docs`}
        target="_blank"
        aria-label={documentation}
        title={documentation}
        data-square={square}
      >
        {!collapsed && documentation}
      </LinkButton>
    </>
  );
}
