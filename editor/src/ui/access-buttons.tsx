import { t } from "../texts/t";
import { useAccess, useNoRunsReason } from "./access";
import { Button, type ButtonProps, IconButton } from "./controls";

/** Button that starts runs, or opens a form that does. It is disabled, with the reason, where none can be started. */
export function RunButton({ disabled, title, ...rest }: ButtonProps) {
  const reason = useNoRunsReason();
  return <Button icon="play" {...rest} disabled={disabled || reason !== undefined} title={reason ?? title} />;
}

/**
 * Button that changes items, or opens a form that does. Users whose role does not permit that do not see it; in an archived
 * workspace it is disabled, with the reason.
 */
export function EditButton({ disabled, title, ...rest }: ButtonProps) {
  const { archived, mayEdit } = useAccess();
  if (!mayEdit) return null;
  return (
    <Button {...rest} disabled={disabled || archived} title={archived ? t("ui.archivedPermitsNoChanges") : title} />
  );
}

/** `EditButton` that is an icon alone. */
export function EditIconButton({ disabled, ...rest }: ButtonProps & { label: string; icon: string }) {
  const { archived, mayEdit } = useAccess();
  if (!mayEdit) return null;
  return <IconButton {...rest} disabled={disabled || archived} />;
}
