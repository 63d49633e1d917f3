// What an application in Node does with @azure/msal-node. Says on stdout, a line of JSON each, what it wants of a person and what it got.
const { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } = require("@azure/msal-node");
const readline = require("node:readline/promises");

const ready = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));
const person = readline.createInterface({ input: process.stdin });
const heard = person[Symbol.asyncIterator]();
const auth = { authority: ready.authority, knownAuthorities: [new URL(ready.authority).host] };
const desktop = () => new PublicClientApplication({ auth: { ...auth, clientId: ready.public_client_id } });
const service = () => new ConfidentialClientApplication({ auth: { ...auth, clientId: ready.client_id, clientSecret: ready.client_secret } });
const who = { scopes: [ready.scope], username: ready.username, password: ready.password };

async function main() {
  const client = desktop();
  const answer = await client.acquireTokenByUsernamePassword(who);
  say({ password: answer.accessToken });
  const silent = await client.acquireTokenSilent({ scopes: [ready.scope], account: answer.account, forceRefresh: true });
  say({ silent: silent.accessToken });
  say({ confidential: (await service().acquireTokenByUsernamePassword(who)).accessToken });
  say({ client: (await service().acquireTokenByClientCredential({ scopes: [ready.scope] })).accessToken });

  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const request = { scopes: [ready.scope], redirectUri: "http://localhost:51234", codeChallenge: challenge, codeChallengeMethod: "S256" };
  const browsing = desktop();
  say({ browse: await browsing.getAuthCodeUrl({ ...request, responseMode: "query" }) });
  const code = new URL((await heard.next()).value).searchParams.get("code");
  say({ code: (await browsing.acquireTokenByCode({ ...request, code, codeVerifier: verifier })).accessToken });

  const deviceCodeCallback = (device) => say({ device });
  say({ deviceCode: (await desktop().acquireTokenByDeviceCode({ scopes: [ready.scope], deviceCodeCallback })).accessToken });

  const wrong = await desktop().acquireTokenByUsernamePassword({ ...who, password: "wrong" }).catch((error) => error);
  say({ wrong: wrong.errorMessage });
  person.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
