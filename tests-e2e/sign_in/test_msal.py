"""Microsoft's own libraries, pointed here, over HTTPS that they verify."""

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import adal
import msal
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential, DeviceCodeCredential, UsernamePasswordCredential

from harness.browser import Browser, ThroughPort

HERE = Path(__file__).parent


@pytest.fixture
def scope(demo):
    return f"{demo.ready['resource']}/.default"


def is_good(demo, token):
    return demo.call("GET", "ScheduledDataset", token=token).status_code == 200


def directly(ready):
    return {"instance_discovery": False, "http_client": ThroughPort(ready["authority"], ready["ca_certificate"])}


def public_client(demo, **more):
    ready = demo.ready
    return msal.PublicClientApplication(ready["public_client_id"], authority=ready["authority"], **directly(ready), **more)


def confidential_client(demo, **more):
    ready = demo.ready
    return msal.ConfidentialClientApplication(
        ready["client_id"], client_credential=ready["client_secret"], authority=ready["authority"], **directly(ready), **more
    )


def signed_in(demo, address):
    """A browser that has signed in at this address, and agreed to what it was asked."""
    browser = Browser(demo).open(address)
    assert browser.page.heading == "Sign in"
    return browser.sign_in(demo.ready["username"], demo.ready["password"])


def approve(demo, address, user_code):
    browser = Browser(demo).open(address).submit(user_code=user_code).sign_in(demo.ready["username"], demo.ready["password"])
    assert "Contoso desktop" in browser.page.heading
    assert browser.submit("accept").page.heading == "You are signed in"


def returned(address):
    parts = urlsplit(address)
    return dict(parse_qsl(parts.query or parts.fragment))


def test_python_password_and_silent_refresh(demo, scope):
    client = confidential_client(demo)
    answer = client.acquire_token_by_username_password(demo.ready["username"], demo.ready["password"], [scope])
    assert is_good(demo, answer["access_token"]), answer
    (account,) = client.get_accounts()
    assert account["username"] == demo.ready["username"] and account["realm"] == demo.ready["tenant_id"]
    cached = client.acquire_token_silent([scope], account)
    assert cached["token_source"] == "cache"
    fresh = client.acquire_token_silent([scope], account, force_refresh=True)
    assert fresh["token_source"] == "identity_provider" and fresh["access_token"] != cached["access_token"]
    assert is_good(demo, fresh["access_token"])
    # The next one uses the replaced refresh token.
    assert is_good(demo, client.acquire_token_silent([scope], account, force_refresh=True)["access_token"])
    wrong = client.acquire_token_by_username_password(demo.ready["username"], "wrong", [scope])
    assert wrong["error"] == "invalid_grant" and wrong["error_codes"] == [50126]


@pytest.mark.parametrize("api", ["4990cffe-04e8-4e8b-808a-1175604b879f", "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd"])
def test_python_asks_for_the_api_by_its_id(demo, api):
    client = confidential_client(demo)
    answer = client.acquire_token_by_username_password(demo.ready["username"], demo.ready["password"], [f"{api}/user_impersonation"])
    assert is_good(demo, answer["access_token"]), answer
    (account,) = client.get_accounts()
    assert client.acquire_token_silent([f"{api}/user_impersonation"], account)["token_source"] == "cache"


def test_python_client_credentials(demo, scope):
    answer = confidential_client(demo).acquire_token_for_client([scope])
    assert answer["token_type"] == "Bearer", answer
    refused = demo.call("GET", "ScheduledDataset", token=answer["access_token"])
    assert refused.status_code == 403 and "application and user" in refused.json()["message"]


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_python_authorization_code(demo, scope, mode):
    client = public_client(demo)
    flow = client.initiate_auth_code_flow([scope], redirect_uri="http://localhost:51234", response_mode=mode, login_hint=demo.ready["username"])
    browser = signed_in(demo, flow["auth_uri"])
    if mode == "form_post":
        assert browser.page.found[0]["action"] == "http://localhost:51234"
        answer = browser.page.found[0]["fields"]
    else:
        assert browser.leaves.startswith("http://localhost:51234")
        answer = returned(browser.leaves)
    tokens = client.acquire_token_by_auth_code_flow(flow, answer)
    assert is_good(demo, tokens["access_token"]), tokens
    assert tokens["id_token_claims"]["preferred_username"] == demo.ready["username"]
    (account,) = client.get_accounts()
    assert is_good(demo, client.acquire_token_silent([scope], account, force_refresh=True)["access_token"])
    again = client.acquire_token_by_auth_code_flow(flow, answer)
    assert again["error"] == "invalid_grant" and again["error_codes"] == [54005]


def test_python_confidential_authorization_code(demo, scope):
    client = confidential_client(demo)
    flow = client.initiate_auth_code_flow([scope], redirect_uri="http://localhost:51234/")
    tokens = client.acquire_token_by_auth_code_flow(flow, returned(signed_in(demo, flow["auth_uri"]).leaves))
    assert is_good(demo, tokens["access_token"]), tokens


def test_python_device_code(demo, scope):
    client = public_client(demo)
    flow = client.initiate_device_flow([scope])
    assert flow["user_code"] in flow["message"] and flow["verification_uri"] in flow["message"]
    waiting = client.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)
    assert waiting["error"] == "authorization_pending"
    approve(demo, flow["verification_uri"], flow["user_code"])
    tokens = client.acquire_token_by_device_flow(flow)
    assert is_good(demo, tokens["access_token"]), tokens
    declined = client.initiate_device_flow([scope])
    browser = Browser(demo).open(declined["verification_uri"]).submit(user_code=declined["user_code"]).sign_in(demo.ready["username"], demo.ready["password"])
    assert browser.submit("decline").page.heading == "Cancelled"
    assert client.acquire_token_by_device_flow(declined)["error"] == "authorization_declined"


def test_adal_version_1(demo, monkeypatch):
    """The library before MSAL: version 1 throughout."""
    ready = demo.ready
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ready["ca_certificate"])
    context = adal.AuthenticationContext(ready["authority"], validate_authority=False, api_version=None)
    answer = context.acquire_token_with_username_password(ready["resource"], ready["username"], ready["password"], ready["public_client_id"])
    assert is_good(demo, answer["accessToken"]) and answer["tokenType"] == "Bearer"
    assert answer["userId"] == ready["username"] and answer["expiresIn"] == 3599
    fresh = context.acquire_token_with_refresh_token(answer["refreshToken"], ready["public_client_id"], ready["resource"])
    assert is_good(demo, fresh["accessToken"])
    alone = context.acquire_token_with_client_credentials(ready["resource"], ready["client_id"], ready["client_secret"])
    assert alone["accessToken"]
    codes = context.acquire_user_code(ready["resource"], ready["public_client_id"])
    approve(demo, codes["verification_url"], codes["user_code"])
    assert is_good(demo, context.acquire_token_with_device_code(ready["resource"], codes, ready["public_client_id"])["accessToken"])
    context = adal.AuthenticationContext(ready["authority"], validate_authority=False, api_version=None)
    with pytest.raises(adal.AdalError) as refused:
        context.acquire_token_with_username_password(ready["resource"], ready["username"], "wrong", ready["public_client_id"])
    assert refused.value.error_response["error_codes"] == [50126]


class AzureThroughPort(RequestsTransport):
    """As ThroughPort."""

    def __init__(self, ready):
        super().__init__(session=ThroughPort(ready["authority"], ready["ca_certificate"]), session_owner=False, connection_verify=ready["ca_certificate"])


def test_azure_identity(demo, scope):
    ready = demo.ready
    common = {"authority": ready["https"], "disable_instance_discovery": True, "transport": AzureThroughPort(ready)}
    password = UsernamePasswordCredential(ready["public_client_id"], ready["username"], ready["password"], tenant_id=ready["tenant_id"], **common)
    assert is_good(demo, password.get_token(scope).token)
    alone = ClientSecretCredential(ready["tenant_id"], ready["client_id"], ready["client_secret"], **common)
    assert alone.get_token(scope).token
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        ClientSecretCredential(ready["tenant_id"], ready["client_id"], "wrong", **common).get_token(scope)
    prompt = lambda address, code, expires: approve(demo, address, code)
    device = DeviceCodeCredential(ready["public_client_id"], tenant_id=ready["tenant_id"], prompt_callback=prompt, **common)
    assert is_good(demo, device.get_token(scope).token)


def done_by_node(demo, script, packages, scope):
    """What a script got: it asks, and this is the person at the browser."""
    ready = demo.ready
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": ready["ca_certificate"], "NODE_PATH": str(Path(os.environ[packages]) / "node_modules")}
    settings = json.dumps(ready | {"scope": scope})
    script = subprocess.Popen(
        ["node", HERE / script, settings], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    done = {}
    try:
        for line in script.stdout:
            said = json.loads(line)
            if "browse" in said:
                print(signed_in(demo, said["browse"]).leaves, file=script.stdin, flush=True)
            elif "device" in said:
                approve(demo, said["device"]["verificationUri"], said["device"]["userCode"])
            else:
                done |= said
    finally:
        script.stdin.close()
        script.wait(60)
    assert script.returncode == 0, script.stderr.read()
    return done


def test_node(demo, scope):
    """@azure/msal-node."""
    done = done_by_node(demo, "msal_node.cjs", "MSAL_NODE_FOLDER", scope)
    assert set(done) == {"password", "confidential", "silent", "client", "code", "deviceCode", "wrong"}, done
    assert "50126" in done.pop("wrong")
    assert done.pop("client")
    for name, token in done.items():
        assert is_good(demo, token), name


def test_azure_identity_in_node(demo, scope):
    """@azure/identity."""
    done = done_by_node(demo, "azure_identity.cjs", "AZURE_IDENTITY_FOLDER", scope)
    assert set(done) == {"password", "client", "cached", "deviceCode", "code", "wrong", "assertion"}, done
    assert "AADSTS7000215" in done.pop("wrong")
    # A certificate or a federated credential: what is missing is said, and not that a secret is wrong.
    assert "AADSTS70002" in done["assertion"] and "not supported" in done.pop("assertion")
    assert done.pop("client") and done.pop("cached") is True
    for name, token in done.items():
        assert is_good(demo, token), name
