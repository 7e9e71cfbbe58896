import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { Json } from "../workflow/types";
import { api } from "./client";
import { instanceSettingsQuery, setInstanceSetting } from "./instance-settings";
import type { Role } from "./members";

/** Membership that a group at the identity provider (`claim`), or the domain of an address, grants. */
export interface Grant {
  claim?: string;
  domain?: string;
  workspace: string;
  role: Role;
  groups?: string[];
}

/** OpenID provider of single sign-on. Its secret is masked; a mask that is sent back leaves the secret unchanged. */
export interface IdentityProvider {
  label: string;
  issuer: string;
  client_id: string;
  client_secret?: string;
  scopes?: string[];
  domains?: string[];
  sign_up?: boolean;
  groups_claim?: string;
  grants?: Grant[];
  networks?: string[];
  verified_claim?: string;
  scim_claim?: string;
}

const PROVIDERS = "oidc_providers";

/** Query of the OpenID providers by name. */
export const identityProvidersQuery = queryOptions({
  queryKey: ["instance-settings", PROVIDERS],
  queryFn: async () => {
    const params = { path: { name: PROVIDERS } };
    const { data } = await api.GET("/api/settings/global/{name}", { params });
    return (data ?? {}) as Record<string, IdentityProvider>;
  },
});

/** Change the providers, unless another admin changes them at the same time. */
export async function saveIdentityProviders(
  queries: QueryClient,
  change: (before: Record<string, IdentityProvider>) => Record<string, IdentityProvider>,
): Promise<void> {
  const settings = await queries.fetchQuery({ ...instanceSettingsQuery, staleTime: 0 });
  const { value, version } = settings.find((each) => each.name === PROVIDERS) ?? { value: {}, version: "default" };
  const changed = change(value as Record<string, IdentityProvider>);
  await setInstanceSetting(PROVIDERS, changed as unknown as Json, version);
}

/** Return the code and the reason for which the discovery document of an issuer cannot be used now; null if it can. */
export async function findIssuerProblem(
  issuer: string,
  networks: readonly string[],
): Promise<{ code: string; reason: string } | null> {
  const { data } = await api.POST("/api/settings/check_issuer", { body: { issuer, networks } as never });
  return data?.problem ? { code: data.code ?? "", reason: data.problem } : null;
}

/** Return the redirect URI of the client at a provider. */
export const redirectUri = (serverUrl: string, name: string): string => `${serverUrl}/api/auth/oidc/callback/${name}`;
