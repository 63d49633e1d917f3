"""Each command of docs/sign-in.md does what it says."""

import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from harness.browser import Browser

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sign-in.md").read_text()


def command(title, number=0):
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)[1]
    return re.findall(r"^```sh\n(.*?)\n```$", section, re.M | re.S)[number]


@pytest.fixture
def shell(demo):
    named = re.findall(r"^\| (`[A-Z_`, ]+`) \| (`[a-z_`, ]+`) \|", DOCUMENT, re.M)
    pairs = [pair for variables, fields in named for pair in zip(variables.replace("`", "").split(", "), fields.replace("`", "").split(", "))]
    assert len(pairs) == 8
    environment = os.environ | {variable: demo.ready[field] for variable, field in pairs}

    def run(text, **more):
        ran = subprocess.run(["bash", "-c", text], env=environment | more, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def is_good(demo, answer):
    return demo.call("GET", "ScheduledDataset", token=answer["access_token"]).status_code == 200


def test_password_and_refresh(demo, shell):
    one = shell(command("Password"))
    assert is_good(demo, one) and one["expires_in"] == "3599"
    two = shell(command("Password", 1))
    assert is_good(demo, two) and two["expires_in"] == 3599 and two["id_token"]
    refreshed = shell(command("Refresh token"), REFRESH_TOKEN=two["refresh_token"])
    assert is_good(demo, refreshed) and refreshed["refresh_token"] != two["refresh_token"]
    # An application that proves itself may use it again.
    again = shell(command("Refresh token"), REFRESH_TOKEN=two["refresh_token"])
    assert is_good(demo, again) and again["refresh_token"] not in (two["refresh_token"], refreshed["refresh_token"])


def test_client_credentials(shell):
    assert shell(command("Client credentials"))["token_type"] == "Bearer"


def test_authorization_code(demo, shell):
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": demo.ready["public_client_id"],
        "redirect_uri": "http://localhost:8400",
        "response_type": "code",
        "scope": f"{demo.ready['resource']}/.default",
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    browser = Browser(demo).open(f"{demo.ready['authority']}/oauth2/v2.0/authorize?{urlencode(query)}")
    browser.sign_in(demo.ready["username"], demo.ready["password"])
    (code,) = parse_qs(urlsplit(browser.leaves).query)["code"]
    answer = shell(command("Authorization code"), CODE=code, REDIRECT_URI="http://localhost:8400", CODE_VERIFIER=verifier)
    assert is_good(demo, answer), answer
    assert browser.open(f"{demo.ready['authority']}/oauth2/v2.0/logout").page.heading == "You are signed out"


def test_device_code(demo, shell):
    started = shell(command("Device code"))
    poll = command("Device code", 1)
    assert shell(poll, DEVICE_CODE=started["device_code"])["error"] == "authorization_pending"
    browser = Browser(demo).open(started["verification_uri"]).submit(user_code=started["user_code"])
    browser.sign_in(demo.ready["username"], demo.ready["password"]).submit("accept")
    answer = shell(poll, DEVICE_CODE=started["device_code"])
    assert is_good(demo, answer) and answer["refresh_token"]


def example(kind):
    section = re.search(r"^## Microsoft's libraries\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)[1]
    return re.search(rf"^```{kind}\n(.*?)\n```$", section, re.M | re.S)[1]


def test_what_msal_needs(demo, monkeypatch):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    names = {name: demo.ready[name] for name in ("client_id", "client_secret", "authority", "resource", "ca_certificate")}
    exec(example("python"), names)
    assert names["tokens"]["token_type"] == "Bearer", names["tokens"]


def test_what_msal_node_needs(demo):
    ready = demo.ready
    values = {"clientId": ready["client_id"], "clientSecret": ready["client_secret"], "authority": ready["authority"], "resource": ready["resource"]}
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    required, rest = example("js").split("\n\n", 1)
    script = f"{required}\n{given}(async () => {{\n{rest}\nconsole.log(tokens.tokenType);\n}})();"
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": ready["ca_certificate"], "NODE_PATH": str(Path(os.environ["MSAL_NODE_FOLDER"]) / "node_modules")}
    ran = subprocess.run(["node", "-e", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "Bearer\n"), ran.stderr


def test_a_second_factor_is_rehearsed(binary, start, tmp_path):
    with start(tmp_path / "data", "--rows", "60") as before:
        old = before.sign_in()
        compliance = before.call("GET", "ScheduledDataset", headers={"ValidateMfa": "true"})
        assert (compliance.status_code, compliance.headers["isMfaCompliant"]) == (200, "false")
    with start(tmp_path / "data", "--rows", "60", "--require-mfa") as demo:
        refused = demo.ask_token()
        assert (refused.status_code, refused.json()["error_codes"]) == (400, [50079])
        late = demo.call("GET", "ScheduledDataset", token=old).json()
        assert (late["statusCode"], late["code"]) == (401, 900421)
    ports = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    command = [binary.resolve(), "demo", "--once", "--require-mfa", *ports, "--rows", "60", "--data-dir", str(tmp_path / "data")]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "400 AADSTS50079: " in shown.stdout and "401, code 900421" in shown.stdout
