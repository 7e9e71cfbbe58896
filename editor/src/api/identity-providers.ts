import { queryOptions } from "@tanstack/react-query";
import type { Json } from "../workflow/types";
import { api, BASE } from "./client";
import { setInstanceSetting } from "./instance-settings";

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
  grants?: Json[];
  networks?: string[];
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

export const saveIdentityProviders = (value: Record<string, IdentityProvider>): Promise<void> =>
  setInstanceSetting(PROVIDERS, value as unknown as Json);

/** Return the redirect URI of the client at a provider. */
export const redirectUri = (name: string): string => `${BASE || window.location.origin}/api/auth/oidc/callback/${name}`;
