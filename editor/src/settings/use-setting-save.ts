import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type InstanceSetting, instanceSettingsQuery, setInstanceSetting } from "../api/instance-settings";
import { settingConflict } from "../lib/api-error";
import type { Json } from "../workflow/types";

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
