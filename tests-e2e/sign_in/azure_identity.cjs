// What an application in Node does with @azure/identity. Says on stdout, a line of JSON each, what it wants of a person and what it got.
const identity = require("@azure/identity");
const readline = require("node:readline/promises");

const ready = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));
const person = readline.createInterface({ input: process.stdin });
const heard = person[Symbol.asyncIterator]();
const options = { authorityHost: ready.https, disableInstanceDiscovery: true };
const { tenant_id: tenant, client_id: app, client_secret: secret, public_client_id: desktop, scope } = ready;
const redirect = "http://localhost:51234";
const token = async (credential) => (await credential.getToken(scope)).token;
const refusal = (credential) => credential.getToken(scope).then(() => "granted", (error) => error.message);

async function main() {
  say({ password: await token(new identity.UsernamePasswordCredential(tenant, desktop, ready.username, ready.password, options)) });
  const service = new identity.ClientSecretCredential(tenant, app, secret, options);
  say({ client: await token(service) });
  // The second one comes from its cache.
  say({ cached: (await token(service)) === (await token(service)) });
  const userPromptCallback = (device) => say({ device });
  say({ deviceCode: await token(new identity.DeviceCodeCredential({ tenantId: tenant, clientId: desktop, userPromptCallback, ...options })) });

  const address = new URL(`${ready.authority}/oauth2/v2.0/authorize`);
  address.search = new URLSearchParams({ client_id: app, response_type: "code", redirect_uri: redirect, scope: `${scope} offline_access` });
  say({ browse: address.href });
  const code = new URL((await heard.next()).value).searchParams.get("code");
  say({ code: await token(new identity.AuthorizationCodeCredential(tenant, app, secret, code, redirect, options)) });

  say({ wrong: await refusal(new identity.ClientSecretCredential(tenant, app, "wrong", options)) });
  say({ assertion: await refusal(new identity.ClientAssertionCredential(tenant, app, async () => "a.b.c", options)) });
  person.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
