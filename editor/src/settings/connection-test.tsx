import { useMutation } from "@tanstack/react-query";
import { testResource } from "../api/resources";
import { errorText } from "../lib/api-error";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Status } from "../ui/status";
import css from "./settings.module.css";

/** Resource types whose connection the server can test. */
export const TESTED_TYPES = ["postgresql", "mysql", "s3", "http_basic", "http_bearer", "smtp"];

interface Props {
  workspace: string;
  path: string;
  /** Store the values of the form. Return whether this succeeded. */
  save: () => Promise<boolean>;
}

/** Button that saves a resource and tests its connection, with the result. */
export function ConnectionTest({ workspace, path, save }: Props) {
  const testing = useMutation({
    mutationFn: async () => ((await save()) ? testResource(workspace, path) : null),
  });
  const found = testing.data;
  return (
    <div className={css.facts}>
      <Button icon="link" disabled={testing.isPending} onClick={() => testing.mutate()}>
        {testing.isPending ? t("settings.testing") : t("settings.saveAndTest")}
      </Button>
      <span role="status">
        {found && !testing.isPending && (
          <>
            <Status
              status={found.success ? "succeeded" : "failed"}
              word={found.success ? t("settings.testSucceeded") : t("settings.testFailed")}
            />{" "}
            {found.message}
          </>
        )}
        {testing.error && errorText(testing.error)}
      </span>
    </div>
  );
}
