import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { settingConflict } from "../lib/api-error";
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

interface SettingSave {
  /** Value that the form is based on. */
  stored: Json;
  save: (value: Json) => Promise<void>;
}

/**
 * Return the value that a form of a setting is based on, and a function that saves a change of it.
 *
 * A refetch while the form is open changes neither: the form would overwrite what another admin stored meanwhile. The
 * conflict shows that value, and the next attempt replaces it.
 */
export function useSettingSave({ name, value, version }: InstanceSetting): SettingSave {
  const queries = useQueryClient();
  const [base, setBase] = useState({ value: value as Json, version });
  const save = async (changed: Json) => {
    try {
      await setInstanceSetting(name, changed, base.version);
    } catch (error) {
      const conflict = settingConflict(error);
      if (conflict?.newest) setBase({ value: conflict.theirs as Json, version: conflict.newest });
      throw error;
    } finally {
      await queries.invalidateQueries(instanceSettingsQuery);
    }
  };
  return { stored: base.value, save };
}
