// A real OIDC issuer for tests: `node provider.mjs PORT [REDIRECT_URI [MORE]]` serves http://127.0.0.1:PORT and prints `ready URL`.
// PORT 0 is any that is free: one found free beforehand may be taken by the time that it starts.
//
// Its signing keys are made at each start, so a restart on the same port is a rotation of all keys. It ends
// when its standard input does, so that it never outlives the test that started it.
//
//   client                     secret    its tokens
//   claude-demo                secret    an agent for itself; group `agents`, whom the default bundle knows
//   claude-finance             secret    an agent for itself; group `analysts`
//   claude-finance-for-ana     secret    `sub` ana@corp.example, `act` claude-finance, which scheduler started
//
//   sven-audits                secret    a person's own, by a console: `sub` sven@corp.example, `auth_time`, no `act`
//   audit-bot                  secret    a program's own, whose `sub` is that of a service account
//   claude-1 to claude-MORE    secret    as claude-demo, each an agent of its own
//
//   claude-device              none      by the device flow: whoever a line `agree USER_CODE NAME` on standard input names
//
//   With REDIRECT_URI people sign in, too, for the client `snowgate-approvals` with the secret `secret`: whoever types a name
//   is that person, with the address NAME@example.com; `rosa` and `sam` are in the group `data-reviewers`. `snowgate-page` is the
//   same without a secret. The public client `snowgate-terminal` comes back to http://127.0.0.1/callback on any port.
//
//   resource                             its tokens
//   https://snowgate.example/ALG         signed with ALG, audience `snowgate`; RS256 is the default
//   https://snowgate.example/opaque      no JWT at all
//   https://other.example                signed with RS256, audience `other`
//   https://audit.example                signed with RS256, audience `snowgate-audit`, whose scope is `audit:read`
//   https://snowgate.example/cognito     as Amazon Cognito writes them: no `typ`, no `aud`, `token_use`, the scope `snowgate/sql`; of people
//                                        `username` and `cognito:groups`

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider, errors } from "oidc-provider";

const wanted = Number(process.argv[2]);
if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65535) {
  console.error("usage: node provider.mjs PORT [REDIRECT_URI [MORE]]");
  process.exit(64);
}
const server = createServer();
// It takes the port before anything is made for it, and answers when all is.
await once(server.listen(wanted, "127.0.0.1"), "listening");
const { port } = server.address();
const redirectUri = process.argv[3];

const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
const resources = new Map(
  algorithms.map((alg) => [`https://snowgate.example/${alg}`, { audience: "snowgate", jwt: { sign: { alg } } }]),
);
resources.set("https://snowgate.example/opaque", { audience: "snowgate", accessTokenFormat: "opaque" });
resources.set("https://audit.example", {
  audience: "snowgate-audit",
  scope: "audit:read",
  jwt: { sign: { alg: "RS256" } },
});
resources.set("https://snowgate.example/cognito", {
  audience: "cognito",
  scope: "snowgate/sql",
  jwt: { sign: { alg: "RS256" } },
});
resources.set("https://other.example", { audience: "other", jwt: { sign: { alg: "RS256" } } });

const people = {
  "claude-demo": { groups: ["agents"] },
  "claude-finance": { groups: ["analysts"] },
  "claude-finance-for-ana": {
    groups: ["analysts", "finance"],
    sub: "ana@corp.example",
    act: { sub: "claude-finance", act: { sub: "scheduler" } },
  },
  "sven-audits": { sub: "sven@corp.example", auth_time: Math.floor(Date.now() / 1000) },
  "audit-bot": { sub: "5f0c2f9e-6a53-4c0e-9d0c-0b7d6f1f7d11" },
};

for (let n = 1; n <= Number(process.argv[4] ?? 0); n++) people[`claude-${n}`] = { groups: ["agents"] };

const reviewers = ["rosa", "sam"];

const key = (...kind) => ({ ...generateKeyPairSync(...kind).privateKey.export({ format: "jwk" }), use: "sig" });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: {
    keys: [
      key("rsa", { modulusLength: 2048 }),
      key("ec", { namedCurve: "P-256" }),
      key("ec", { namedCurve: "P-384" }),
      key("ed25519"),
    ],
  },
  clients: [
    ...Object.keys(people).map((client_id) => ({
      client_id,
      client_secret: "secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    {
      client_id: "claude-device",
      token_endpoint_auth_method: "none",
      application_type: "native",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      redirect_uris: [],
      response_types: [],
    },
    ...(redirectUri
      ? [
          { client_id: "snowgate-approvals", client_secret: "secret", redirect_uris: [redirectUri] },
          { client_id: "snowgate-page", token_endpoint_auth_method: "none", redirect_uris: [redirectUri] },
          {
            client_id: "snowgate-terminal",
            application_type: "native",
            token_endpoint_auth_method: "none",
            redirect_uris: ["http://127.0.0.1/callback"],
          },
        ]
      : []),
  ],
  scopes: ["openid", "sql:read", "sql:write", "audit:read"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  conformIdTokenClaims: false,
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: true,
      groups: reviewers.includes(id) ? ["data-reviewers"] : ["everybody"],
    }),
  }),
  ttl: { ClientCredentials: 600 },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed("refresh_token"),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: redirectUri !== undefined },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "https://snowgate.example/RS256",
      getResourceServerInfo: (_ctx, indicator) => {
        const resource = resources.get(indicator);
        if (!resource) throw new errors.InvalidTarget();
        return { scope: "sql:read sql:write", accessTokenFormat: "jwt", ...resource };
      },
    },
  },
  formats: {
    customizers: {
      jwt: (_ctx, token, jwt) => {
        Object.assign(jwt.payload, people[token.clientId]);
        if (token.aud === "cognito") asCognito(jwt);
      },
    },
  },
});

// Amazon Cognito's documentation, "Understanding the access token".
function asCognito(jwt) {
  const { sub, client_id, iat, groups } = jwt.payload;
  jwt.header = { typ: undefined };
  delete jwt.payload.act;
  delete jwt.payload.groups;
  // The provider wants one; what is written has none.
  Object.assign(jwt.payload, { aud: { toJSON: () => undefined }, token_use: "access", auth_time: iat, version: 2 });
  if (sub !== client_id) Object.assign(jwt.payload, { username: `Company_${sub}`, "cognito:groups": groups });
}

server.on("request", provider.callback());
console.log(`ready ${provider.issuer}`);

// What a person does at the verification page, once they have signed in: they agree to all that was asked for.
async function agree(userCode, name) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replaceAll("-", ""), { ignoreExpiration: false });
  const grant = new provider.Grant({ accountId: name, clientId: code.clientId });
  const scope = code.params.scope ?? "";
  grant.addOIDCScope(scope);
  grant.addResourceScope("https://snowgate.example/RS256", scope);
  Object.assign(code, { accountId: name, grantId: await grant.save(), authTime: Math.floor(Date.now() / 1000), scope });
  code.resource = "https://snowgate.example/RS256";
  await code.save();
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, code, name] = line.split(" ");
    if (word === "agree") agree(code, name).catch((error) => console.error(error));
  })
  .on("close", () => {
    server.close();
    server.closeAllConnections();
  });
