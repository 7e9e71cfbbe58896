import s3 from "../../../examples/integrations/s3_file.py?raw";
import mail from "../../../examples/integrations/send_mail.py?raw";
import slack from "../../../examples/integrations/slack_message.py?raw";
import sql from "../../../examples/integrations/sql_query.pg.sql?raw";
import teams from "../../../examples/integrations/teams_message.py?raw";
import { t } from "../texts/integrations";
import type { CatalogEntry } from "../workflow/catalog";

const entry = (
  base: string,
  icon: string,
  name: string,
  description: string,
  content: string,
  language = "python3",
): CatalogEntry => ({
  key: `integration-${base}`,
  name,
  description,
  icon,
  base,
  group: t("integrations.group"),
  code: content,
  make: (id) => ({ id, summary: name, value: { type: "rawscript", language, content, input_transforms: {} } }),
});

/** Nodes with ready-made code. Their forms follow from the parameters of the code. */
export const INTEGRATIONS: readonly CatalogEntry[] = [
  entry("mail", "mail", t("integrations.mail"), t("integrations.mailHint"), mail),
  entry("slack", "message", t("integrations.slack"), t("integrations.slackHint"), slack),
  entry("teams", "message", t("integrations.teams"), t("integrations.teamsHint"), teams),
  entry("query", "server", t("integrations.sql"), t("integrations.sqlHint"), sql, "postgresql"),
  entry("file", "save", t("integrations.s3"), t("integrations.s3Hint"), s3),
];
