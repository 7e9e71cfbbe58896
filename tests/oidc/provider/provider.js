// A certified OpenID provider on a free port of this machine, whose ID tokens can be replaced by wrong ones.
//
// Reads one line of JSON from standard input: {client, accounts}. Writes its issuer as one line. `POST /forge` with
// {"kind": …} selects the ID token of the following logins; the login form accepts every account without a password.
import { createHmac, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import * as jose from "jose";
import Provider from "oidc-provider";

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
const { client, accounts } = JSON.parse(line);
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const signing = pair();
const jwk = (key, kid) => ({ ...key.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" });

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
let forged = "";
let keyReads = 0;

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [jwk(signing.privateKey, "first")] },
  cookies: { keys: ["test"] },
  claims: { openid: ["sub"], email: ["email", "email_verified", "xms_edov"], profile: ["name", "groups", "oid"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) =>
    accounts[id] && { accountId: id, claims: async () => ({ sub: id, ...accounts[id] }) },
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: client.client_id, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});
provider.on("server_error", (_, error) => console.error(error));

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const sign = (claims, key = signing.privateKey, kid = "first") =>
  new jose.SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(key);

const changes = {
  audience: { aud: "another-client" },
  party: { aud: [client.client_id, "another-client"], azp: "another-client" },
  nonce: { nonce: "another-nonce" },
  issuer: { iss: "https://id.example.org" },
  expiry: { iat: 1000, exp: 2000 },
};

async function replace(token) {
  const claims = jose.decodeJwt(token);
  if (forged in changes) return sign({ ...claims, ...changes[forged] });
  if (forged === "missing_nonce") return sign({ ...claims, nonce: undefined });
  if (forged === "none") return `${encode({ alg: "none" })}.${encode(claims)}.`;
  if (forged === "other_key") return sign(claims, pair().privateKey);
  if (forged === "unknown_key") return sign(claims, pair().privateKey, "unknown");
  if (forged === "public_key_as_secret") {
    const text = `${encode({ alg: "HS256", kid: "first" })}.${encode(claims)}`;
    const secret = signing.publicKey.export({ type: "spki", format: "pem" });
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  }
  return token;
}

provider.use(async (ctx, next) => {
  if (ctx.path === "/jwks") keyReads += 1;
  if (ctx.path === "/key_reads") {
    ctx.body = String(keyReads);
    return;
  }
  if (ctx.path === "/forge") {
    forged = ctx.query.kind ?? "";
    ctx.body = "";
    return;
  }
  if (ctx.path === "/claims") {
    Object.assign(accounts[ctx.query.account], JSON.parse(ctx.query.claims));
    ctx.body = "";
    return;
  }
  await next();
  if (ctx.path === "/token" && ctx.body?.id_token) ctx.body = { ...ctx.body, id_token: await replace(ctx.body.id_token) };
});
server.on("request", provider.callback());
console.log(issuer);
