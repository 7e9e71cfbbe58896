import { useState } from "react";
import { settingConflict } from "../lib/api-error";

interface BaseVersion {
  /** Save a change of the version that the form is based on. */
  save: (send: (base: string | undefined) => Promise<void>) => Promise<void>;
  /** Base the form on another version; undefined: on whichever is stored. */
  rebase: (version: string | undefined) => void;
}

/**
 * Return how a form saves an item without overwriting what somebody else stored since it was opened. The conflict shows
 * the stored values, and the next attempt replaces them.
 */
export function useBaseVersion(version: string | undefined): BaseVersion {
  const [base, rebase] = useState(version);
  const save: BaseVersion["save"] = async (send) => {
    try {
      await send(base);
    } catch (error) {
      const newest = settingConflict(error)?.newest;
      if (newest) rebase(newest);
      throw error;
    }
  };
  return { save, rebase };
}
