"""Tokens of an issuer that is not ours: npm's oidc-provider, as its own process, trusted by `insightgate serve` through its discovery document."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import jwt
import pytest
import requests
from harness.waiting import eventually


AUDIENCE = "api://insightgate"


class Provider:
    """A running oidc-provider. Started again with the same port, it is the same issuer with new keys."""

    def __init__(self, port=0, algorithm="RS256"):
        command = ["node", str(Path(__file__).with_name("oidc_provider.mjs")), str(port), algorithm]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line, "oidc-provider did not start"
        self.ready = json.loads(line)

    @property
    def port(self):
        return int(self.ready["issuer"].rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def token(self, account=None, resource=AUDIENCE):
        """A user's; the application's own without an account."""
        form = {name: self.ready[name] for name in ("client_id", "client_secret")} | {"resource": resource}
        if account:
            form |= {"grant_type": "password", "username": account, "password": self.ready["password"]}
        else:
            form |= {"grant_type": "client_credentials"}
        answer = requests.post(f"{self.ready['issuer']}/token", data=form, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]


class Server:
    """A running `insightgate serve`."""

    def __init__(self, binary, config):
        self.process = subprocess.Popen([binary, "serve", "--config", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.url = None
        while self.url is None:
            line = self.process.stderr.readline()
            assert line, "the server ended"
            found = re.match(r"serving (http://\S+)", line)
            self.url = found and found[1]
        # Its log must go on being read, or the server waits for that.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def get(self, path, token, program="mpn", **parameters):
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}/insights/v1/{program}/{path}", headers=headers, params=parameters, timeout=60)

    def datasets(self, token, program="mpn"):
        return self.get("ScheduledDataset", token, program).status_code


@pytest.fixture(scope="module")
def seeded(start, tmp_path_factory):
    """A data folder with the demo's tenant, user, application and rows, and nothing running on it."""
    with start(tmp_path_factory.mktemp("external") / "data", "--rows", "60") as demo:
        own = demo.sign_in()
    return demo, own


def bind(demo, server, issuer, binary):
    """By the commands, as the demo's operator: the issuer's tenant, its application and the first of its accounts."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")} | {
        "INSIGHTGATE_AUTHORITY": f"{server.url}/{demo.ready['tenant_id']}",
        "INSIGHTGATE_CLIENT_ID": demo.ready["operator"]["client_id"],
        "INSIGHTGATE_CLIENT_SECRET": demo.ready["operator"]["client_secret"],
    }

    def external(*words):
        command = [binary, "external", *words, "--tenant", demo.ready["tenant_domain"], "--json"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def bound(*words):
        ran = external("bind", issuer["issuer"], "--external-tenant", issuer["organisation"], *words)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    assert bound()["kind"] == "tenant"
    assert bound("--external-id", issuer["client_id"], "--application", demo.ready["client_id"])["application"] == demo.ready["client_id"]
    stray = bound("--external-id", issuer["accounts"][1], "--user", demo.ready["username"])["id"]
    assert external("unbind", stray).returncode == 0
    bound("--external-id", issuer["accounts"][0], "--user", demo.ready["username"])
    listed = json.loads(external("list").stdout)["value"]
    mine = {(one["kind"], one["externalId"]) for one in listed if one["issuer"] == issuer["issuer"]}
    assert ("user", issuer["accounts"][0]) in mine and ("user", issuer["accounts"][1]) not in mine
    assert external("unbind", stray).returncode == 4


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def trusted(request, seeded, binary, tmp_path_factory):
    """The provider and a server that trusts nothing else, after a start with the built-in authority for the operator to bind identities."""
    demo, own = seeded
    provider = Provider(algorithm=request.param)
    ready = provider.ready
    config = tmp_path_factory.mktemp("trusting") / "insightgate.toml"
    settings = f'''
    [data]
    folder = "{demo.data_dir}"
    [server]
    http = "127.0.0.1:0"
    https = ""
    [authority]
    built_in = false
    [outbound]
    allowed_networks = ["127.0.0.1"]
    [[issuer]]
    url = "{ready["issuer"]}"
    audiences = ["{AUDIENCE}"]
    algorithms = ["{request.param}"]
    require_at_jwt = true
    tenant_claim = "org"
    user_claim = "sub"
    application_claims = ["client_id"]
    refetch_seconds = 1
    '''
    config.write_text(settings.replace("built_in = false", "built_in = true"))
    server = Server(binary, config)
    try:
        bind(demo, server, ready, binary)
    finally:
        server.stop()
    config.write_text(settings)
    server = Server(binary, config)
    running = {"provider": provider, "server": server, "own": own, "tenant": demo.ready["tenant_id"]}
    yield running
    server.stop()
    running["provider"].stop()


def test_a_bound_user_gets_data(trusted):
    provider, server = trusted["provider"], trusted["server"]
    token = provider.token(provider.ready["accounts"][0])
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    answer = server.get("ScheduledQueries/testQueryResult", token, exportQuery="SELECT MPNId FROM CustomersAndTenants LIMIT 5 TIMESPAN LIFETIME")
    assert answer.status_code == 200 and len(answer.json()["value"]) == 5, answer.text


def test_others_get_nothing(trusted):
    provider, server = trusted["provider"], trusted["server"]
    known, stranger = provider.ready["accounts"]
    good = provider.token(known)
    head, claims, signature = good.split(".")
    other = provider.token(stranger)
    assert server.datasets(other) == 401, "not bound"
    assert server.datasets(f"{head}.{other.split('.')[1]}.{signature}") == 401, "another's claims"
    assert server.datasets(provider.token(known, resource="api://elsewhere")) == 401, "another audience"
    assert server.datasets(trusted["own"]) == 401, "the built-in authority is off"
    alone = provider.token()
    assert server.datasets(alone) == 403, "an application alone: recognised, and refused with the reason"
    assert "application and user" in server.get("ScheduledDataset", alone).json()["message"]
    assert server.datasets(good) == 200


def test_the_built_in_authority_is_off(trusted):
    url = trusted["server"].url
    answer = requests.post(f"{url}/{trusted['tenant']}/oauth2/token", data={"grant_type": "password"}, timeout=30)
    assert answer.status_code == 404 and answer.json()["error_codes"] == [90002]
    assert requests.get(f"{url}/common/discovery/v2.0/keys", timeout=30).status_code == 404


def test_keys_rotate_and_the_issuer_may_be_away(trusted):
    """After the others: it starts the provider anew."""
    provider, server = trusted["provider"], trusted["server"]
    account = provider.ready["accounts"][0]
    old = provider.token(account)
    assert server.datasets(old) == 200
    provider.stop()
    assert server.datasets(old) == 200, "known keys serve while the issuer is away"
    fresh = trusted["provider"] = Provider(provider.port, jwt.get_unverified_header(old)["alg"])
    assert fresh.ready["issuer"] == provider.ready["issuer"] and fresh.ready["kid"] != provider.ready["kid"]
    new = fresh.token(account)
    assert eventually(lambda: server.datasets(new) == 200)
    assert server.datasets(old) == 401, "the old key is no longer published"


def test_a_configuration_that_cannot_hold(binary, tmp_path):
    config = tmp_path / "insightgate.toml"
    config.write_text('[[issuer]]\nurl = "http://login.example"\naudiences = ["a"]\nalgorithms = ["none"]\nuser_claim = "email"\nclaims = 1\n')
    refused = subprocess.run([binary, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    for name in ("url", "algorithms", "user_claim", "claims"):
        assert f'issuer "http://login.example": {name} ' in refused.stderr, refused.stderr
