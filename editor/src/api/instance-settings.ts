import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import type { Json } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type InstanceSetting = components["schemas"]["InstanceSetting"];
export type ProcessSetting = components["schemas"]["ProcessSetting"];

/** Query of the settings that superadmins change while the instance runs. */
export const instanceSettingsQuery = queryOptions({
  queryKey: ["instance-settings", "stored"],
  queryFn: async () => (await api.GET("/api/settings/list_global")).data ?? [],
});

/** Send a test mail with a mail server that need not be stored. Return the reply of the server. */
export async function testMail(to: string, smtp: Json): Promise<{ success: boolean; message: string }> {
  const { data } = await api.POST("/api/settings/test_smtp", { body: { to, smtp } as never });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

/** Query of the settings that the environment of the server determines. */
export const processSettingsQuery = queryOptions({
  queryKey: ["instance-settings", "environment"],
  queryFn: async () => (await api.GET("/api/settings/list_environment")).data ?? [],
});

/** Store a setting; null: the default applies again. Fails with `version_conflict` if it is not at version `base`. */
export async function setInstanceSetting(name: string, value: Json, base: string): Promise<void> {
  const params = { path: { name } };
  const body = { value, base_version: base } as never;
  await api.POST("/api/settings/global/{name}", { params, body, parseAs: "text" });
}
