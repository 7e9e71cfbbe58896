import { createContext, useContext } from "react";
import { t } from "../texts/t";
import { Button, type ButtonProps } from "./controls";

/** Indicates that the workspace of the page is archived and starts no runs. */
export const ArchivedContext = createContext(false);

/** Button that starts runs, or opens a form that does. In an archived workspace it is disabled, with the reason. */
export function RunButton({ disabled, title, ...rest }: ButtonProps) {
  const archived = useContext(ArchivedContext);
  return (
    <Button
      icon="play"
      {...rest}
      disabled={disabled || archived}
      title={archived ? t("ui.archivedStartsNoRuns") : title}
    />
  );
}
