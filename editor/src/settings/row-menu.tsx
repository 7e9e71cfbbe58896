import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Popover } from "../ui/popover";

/** Menu of an item in a list: who has access to it. */
export function RowMenu({ name, share }: { name: string; share: () => void }) {
  return (
    <Popover label={t("ui.actionsOf", { name })} icon="dots">
      <Button look="quiet" icon="share" onClick={share}>
        {t("ui.share")}
      </Button>
    </Popover>
  );
}
