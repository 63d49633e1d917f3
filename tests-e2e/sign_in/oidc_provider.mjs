// An issuer that is not ours: npm's oidc-provider, which issues JWT access tokens for whatever resource is asked for. Prints one line of JSON
// when it answers. Each start makes new keys; the port may be given, so that a restart is the same issuer.
//
// Beside client_credentials it has a password grant of its own making, as a test can hold no browser. It signs with the provider's keys, as any
// other token of it.

import crypto from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const CLIENT = 'reports-at-issuer';
const SECRET = crypto.randomBytes(24).toString('base64url');
const PASSWORD = crypto.randomBytes(24).toString('base64url');
const ORGANISATION = 'organisation-1';
const ACCOUNTS = ['analyst-1', 'stranger-1'];
const algorithm = process.argv[3] ?? 'RS256';

const from = createRequire(`${process.env.OIDC_PROVIDER_FOLDER}/package.json`);
const { default: Provider, errors } = await import(pathToFileURL(from.resolve('oidc-provider')));

const server = http.createServer();
await new Promise((resolve) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const pair = algorithm.startsWith('ES')
  ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  : crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: crypto.randomUUID() };

const serverOf = (resource) => ({
  scope: 'user_impersonation', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: algorithm } },
});

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients: [{
    client_id: CLIENT,
    client_secret: SECRET,
    grant_types: ['client_credentials', 'password'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: algorithm,
  }],
  cookies: { keys: ['not used'] },
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  extraTokenClaims: (_, token) => ({ org: ORGANISATION, ...(token.accountId && { amr: ['pwd'] }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => serverOf(resource) },
  },
});

provider.registerGrantType('password', async (ctx) => {
  const { client, params } = ctx.oidc;
  if (!ACCOUNTS.includes(params.username) || params.password !== PASSWORD) throw new errors.InvalidGrant('wrong user or password');
  const token = new provider.AccessToken({ accountId: params.username, client, gty: 'password', scope: 'user_impersonation' });
  token.resourceServer = new provider.ResourceServer(params.resource, serverOf(params.resource));
  ctx.oidc.entity('AccessToken', token);
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType };
}, ['username', 'password', 'resource']);

server.on('request', provider.callback());
process.on('SIGTERM', () => process.exit(0));
console.log(JSON.stringify({ issuer, kid: key.kid, client_id: CLIENT, client_secret: SECRET, password: PASSWORD, organisation: ORGANISATION, accounts: ACCOUNTS }));
