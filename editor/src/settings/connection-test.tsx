import { useMutation } from "@tanstack/react-query";
import { testResource } from "../api/resources";
import { errorText } from "../lib/api-error";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Status } from "../ui/status";
import { useScrolledIntoView } from "../ui/use-scrolled-into-view";
import { withCode } from "../ui/with-code";
import css from "./settings.module.css";

/** Resource types whose connection the server can test. */
export const TESTED_TYPES = ["postgresql", "mysql", "s3", "http_basic", "http_bearer", "smtp"];

interface Props {
  workspace: string;
  /** Store the values of the form. Return the path of the resource, null if they were refused. */
  save: () => Promise<string | null>;
}

/** Button that saves a resource and tests its connection, with the result. */
export function ConnectionTest({ workspace, save }: Props) {
  const testing = useMutation({
    mutationFn: async () => {
      const path = await save();
      return path === null ? null : testResource(workspace, path);
    },
  });
  const found = testing.data;
  const result = useScrolledIntoView<HTMLDivElement>(found ?? testing.error);
  return (
    <div ref={result} className={css.facts}>
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
            {withCode(found.message)}
          </>
        )}
        {testing.error && withCode(errorText(testing.error))}
      </span>
    </div>
  );
}
