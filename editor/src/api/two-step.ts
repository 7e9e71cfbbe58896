import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

/** Secret for an authenticator application, which is shown once. */
export type Enrolment = components["schemas"]["Enrolment"];

/** Query of the state of the two-step login of the user. */
export const twoStepQuery = queryOptions({
  queryKey: ["account", "two-step"],
  queryFn: async () => {
    const { data } = await api.GET("/api/users/totp/get");
    if (!data) throw new Error(t("api.noData"));
    return data;
  },
});

/** Create a secret, which `confirmCode` switches on. */
export async function enrol(password: string): Promise<Enrolment> {
  const { data } = await api.POST("/api/users/totp/enrol", { body: { password } });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

/** Create a secret for an account that cannot log in without one. A login with a code switches it on. */
export async function enrolAtLogin(email: string, password: string): Promise<Enrolment> {
  const { data } = await api.POST("/api/auth/enrol_totp", { body: { email, password } });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

/** Switch two-step login on with a first code. */
export async function confirmCode(code: string): Promise<void> {
  await api.POST("/api/users/totp/confirm", { body: { code }, parseAs: "text" });
}

/** Switch two-step login off. */
export async function disableTwoStep(password: string, code: string): Promise<void> {
  await api.POST("/api/users/totp/disable", { body: { password, code }, parseAs: "text" });
}

/** Remove the two-step login of an account whose owner has lost the authenticator. */
export async function resetTwoStep(email: string): Promise<void> {
  await api.POST("/api/users/reset_totp/{email}", { params: { path: { email } }, parseAs: "text" });
}
