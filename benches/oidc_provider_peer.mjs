// The peer of `cargo xtask bench tokens`: npm's oidc-provider on every core, with its state in memory. Prints one line of JSON when it answers.
//
// Every process of the cluster is given the same tokens to begin with, so that any connection may land on any of them; a connection that
// stays open stays with its process, which knows the tokens that it rotated.

import cluster from 'node:cluster';
import crypto from 'node:crypto';
import http from 'node:http';
import os from 'node:os';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const RESOURCE = 'urn:bench:api';
const CLIENT = 'bench';
const SECRET = 'bench-client-secret-of-some-length';
const ACCOUNT = 'analyst';
const families = Number(process.argv[2] ?? 32);

/** A map for each kind: no expiry, no index by grant, which would grow with each rotation and slow the peer down. */
class Memory {
  #kept = new Map();
  async upsert(id, payload) { this.#kept.set(id, payload); }
  async find(id) { return this.#kept.get(id); }
  async consume(id) { this.#kept.get(id).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { this.#kept.delete(id); }
  async revokeByGrantId() {}
  async findByUid() {}
  async findByUserCode() {}
}

if (cluster.isPrimary) {
  const key = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const given = {
    key: { ...key, use: 'sig', alg: 'RS256', kid: 'bench' },
    accessToken: crypto.randomBytes(32).toString('base64url'),
    refreshTokens: Array.from({ length: families }, () => crypto.randomBytes(32).toString('base64url')),
  };
  let waiting = os.availableParallelism();
  for (let count = waiting; count > 0; count -= 1) cluster.fork({ BENCH: JSON.stringify(given), NODE_ENV: 'production' });
  cluster.on('listening', (_, { port }) => {
    waiting -= 1;
    if (waiting > 0) return;
    const { accessToken, refreshTokens } = given;
    console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, client: CLIENT, secret: SECRET, resource: RESOURCE, accessToken, refreshTokens }));
  });
  process.on('SIGTERM', () => process.exit(0));
  cluster.on('exit', () => process.exit(1));
} else {
  const given = JSON.parse(process.env.BENCH);
  const from = createRequire(`${process.env.OIDC_PROVIDER_FOLDER}/package.json`);
  const { default: Provider } = await import(pathToFileURL(from.resolve('oidc-provider')));
  const provider = new Provider('http://127.0.0.1', {
    adapter: Memory,
    jwks: { keys: [given.key] },
    clients: [{
      client_id: CLIENT,
      client_secret: SECRET,
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://client.example/back'],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    cookies: { keys: ['not used'] },
    rotateRefreshToken: true,
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      userinfo: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'read', audience: RESOURCE, accessTokenTTL: 3600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Grant: 86400 },
  });
  const client = await provider.Client.find(CLIENT);
  const grant = async () => {
    const made = new provider.Grant({ accountId: ACCOUNT, clientId: CLIENT });
    made.addOIDCScope('openid offline_access');
    made.addResourceScope(RESOURCE, 'read');
    return made.save();
  };
  const signIn = { accountId: ACCOUNT, client, gty: 'authorization_code', authTime: Math.floor(Date.now() / 1000) };
  // As the provider itself would keep it; its `save` works within a request only.
  const now = Math.floor(Date.now() / 1000);
  await provider.AccessToken.adapter.upsert(given.accessToken, {
    iat: now, exp: now + 86400, accountId: ACCOUNT, clientId: CLIENT, gty: 'authorization_code', grantId: await grant(),
    kind: 'AccessToken', jti: given.accessToken, scope: 'openid',
  });
  for (const jti of given.refreshTokens) {
    // Without openid in the scope there is no second signature, for an id token, that ours would not make either.
    await new provider.RefreshToken({ ...signIn, jti, grantId: await grant(), scope: 'read offline_access', resource: RESOURCE }).save();
  }
  http.createServer(provider.callback()).listen(0, '127.0.0.1');
}
