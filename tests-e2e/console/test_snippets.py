"""The texts of an application's page in the console, as they stand there: they get a token and list the datasets.

curl and Python run them, and .NET runs what Microsoft's compiler makes of the one in C#. PowerShell does not run its own: powershell.py says what is shown
instead.
"""

import html
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.browser import Browser
from powershell import Script

COMPILER = Path(__file__).with_name("csharp.py")
# As the ready file names them: with a secret, and without.
CONFIDENTIAL, PUBLIC = "client_id", "public_client_id"


@pytest.fixture(scope="module", params=[CONFIDENTIAL, PUBLIC])
def page(demo, request):
    """The page of an application of the demo's, as an operator sees it."""
    browser, operator = Browser(demo), demo.ready["operator"]
    browser.open(f"{browser.https}/console/operator-sign-in")
    browser.submit(client_id=operator["client_id"], client_secret=operator["client_secret"])
    application = demo.ready[request.param]
    answer = browser.session.get(f"{browser.https}/console/tenants/{demo.ready['tenant_id']}/applications/{application}", timeout=60)
    assert answer.status_code == 200, answer.text
    assert application in answer.text
    return answer.text


def text(page, name):
    return html.unescape(re.search(rf'<pre id="snippet-{name}"[^>]*>(.*?)</pre>', page, re.S)[1])


@pytest.fixture
def names(demo):
    return [dataset["datasetName"] for dataset in demo.datasets()]


@pytest.fixture
def secrets(demo):
    return {f"INSIGHTGATE_{name.upper()}": demo.ready[name] for name in ("client_secret", "username", "password")}


@pytest.fixture
def run(demo, secrets):
    """Runs a program that trusts the demo's certificate, with what is secret in its environment alone."""
    trusted = dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), demo.ready["ca_certificate"])
    # .NET does without tables of the world's languages, which are no part of it, opens no door to debuggers, and measures nothing to become faster later.
    plain = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_EnableDiagnostics": "0", "DOTNET_TieredPGO": "0"}
    environment = os.environ | secrets | trusted | plain | {"NO_PROXY": "*", "no_proxy": "*"}

    def run(*command, **changed):
        return subprocess.run(command, env=environment | changed, capture_output=True, text=True, timeout=120)

    return run


def test_curl_lists_the_datasets_and_says_what_is_wrong(demo, page, run):
    ran = run("bash", "-c", text(page, "curl"))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["value"] == demo.datasets()
    wrong = run("bash", "-c", text(page, "curl"), INSIGHTGATE_USERNAME="nobody@contoso.example")
    assert wrong.returncode == 1 and wrong.stdout == "" and "AADSTS50126" in wrong.stderr


def test_python_lists_the_datasets_and_says_what_is_wrong(page, names, run):
    ran = run(sys.executable, "-c", text(page, "python"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == names
    wrong = run(sys.executable, "-c", text(page, "python"), INSIGHTGATE_USERNAME="nobody@contoso.example")
    assert wrong.returncode == 1 and "AADSTS50126" in wrong.stderr


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="no registry of the tests has .NET for this kind of machine")
@pytest.mark.parametrize("page", [CONFIDENTIAL], indirect=True)
def test_csharp_lists_the_datasets_and_says_what_is_wrong(page, names, run, tmp_path):
    dotnet, source = Path(os.environ["DOTNET_FOLDER"]), tmp_path / "Program.cs"
    source.write_text(text(page, "csharp"))
    compiled = run(sys.executable, COMPILER, dotnet, os.environ["ROSLYN_FOLDER"], source, tmp_path)
    assert compiled.returncode == 0, compiled.stderr
    program = (dotnet / "dotnet", tmp_path / "Program.dll")
    ran = run(*program)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == names
    wrong = run(*program, INSIGHTGATE_CLIENT_SECRET="wrong")
    assert wrong.returncode == 1 and "AADSTS7000215" in wrong.stderr


def test_powershell_describes_the_requests_that_list_the_datasets(demo, page, names, secrets):
    def send(method, address, **what):
        answer = demo.session.request(method, address, timeout=60, **what)
        assert answer.ok, answer.text
        return answer.json()

    assert Script(text(page, "powershell"), secrets, send).run() == names


def test_no_text_holds_a_secret(demo, page):
    for name in ("curl", "python", "powershell", "csharp"):
        written = text(page, name)
        assert demo.ready["token_url"].split("/")[3] in written
        assert not any(demo.ready[secret] in written for secret in ("client_secret", "password"))
