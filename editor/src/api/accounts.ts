import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { ItemSuccessor } from "./members";
import type { components } from "./schema";

export type Account = components["schemas"]["User"];
export type NewAccount = Omit<components["schemas"]["CreateUser"], "link" | "password">;
export type AccountChange = components["schemas"]["UpdateAccount"];

/** Query of the accounts of the installation by address. */
export const accountsQuery = queryOptions({
  queryKey: ["accounts", "list"],
  queryFn: async () => {
    const query = { per_page: "1000" } as never;
    return (await api.GET("/api/users/list_as_super_admin", { params: { query } })).data ?? [];
  },
});

/** Query of the number of people who cannot log in with a password if only this account can. */
export const lockedOutQuery = (email: string) =>
  queryOptions({
    queryKey: ["accounts", "locked-out", email],
    queryFn: async () => {
      const { data } = await api.GET("/api/users/count_locked_out/{email}", { params: { path: { email } } });
      if (data === undefined) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Query of what stops if an account is disabled or deleted. */
export const accountDepartureQuery = (email: string) =>
  queryOptions({
    queryKey: ["accounts", "departure", email],
    gcTime: 0,
    queryFn: async () => {
      const { data } = await api.GET("/api/users/departure/{email}", { params: { path: { email } } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Return the one-time link of a response; null if the server has mailed it to the owner of the account. */
const linkOf = (text: string): string | null => (text.startsWith("http") ? text : null);

/** Create an account and return the one-time link with which its owner chooses a password; null: it was mailed. */
export async function createAccountLink(account: Partial<NewAccount> & { email: string }): Promise<string | null> {
  const body = { ...account, link: true } as never;
  const { data } = await api.POST("/api/users/create", { body, parseAs: "text" });
  return linkOf(String(data));
}

/** Remove the password of an account and return a one-time link for a new one; null: it was mailed. */
export async function resetPassword(email: string): Promise<string | null> {
  const params = { path: { email } };
  const { data } = await api.POST("/api/users/reset_password/{email}", { params, parseAs: "text" });
  return linkOf(String(data));
}

export async function updateAccount(email: string, change: Partial<AccountChange>): Promise<void> {
  const params = { path: { email } };
  await api.POST("/api/users/update/{email}", { params, body: change as never, parseAs: "text" });
}

export async function enableAccount(email: string): Promise<void> {
  await api.POST("/api/users/enable/{email}", { params: { path: { email } }, parseAs: "text" });
}

/**
 * Disable or delete an account. What acts for it continues for the successors, by workspace, and stops elsewhere; if the
 * server refuses a successor, nothing changes. `cancelRuns`: cancel its runs in progress.
 */
export async function endAccount(
  email: string,
  act: "disable" | "delete",
  cancelRuns: boolean,
  successors: Readonly<Record<string, ItemSuccessor>>,
): Promise<void> {
  const params = { path: { email } };
  const body = { act, runs: cancelRuns ? "cancel" : "continue", successors } as never;
  await api.POST("/api/users/departure/{email}", { params, body, parseAs: "text" });
}
