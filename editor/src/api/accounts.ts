import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
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

/** Disable or delete an account. `cancelRuns`: cancel its runs in progress. */
export async function endAccount(email: string, act: "disable" | "delete", cancelRuns: boolean): Promise<void> {
  const params = { path: { email }, query: { runs: cancelRuns ? "cancel" : "continue" } as never };
  if (act === "disable") await api.POST("/api/users/disable/{email}", { params, parseAs: "text" });
  else await api.DELETE("/api/users/delete/{email}", { params, parseAs: "text" });
}
