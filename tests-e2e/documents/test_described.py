"""The served OpenAPI documents: what is sent by them is never answered by a fault or otherwise than described, clients made of them make a report,
and the page beside them tries a call."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import chromium
from harness.waiting import eventually

HERE = Path(__file__).parent / "described"
ROWS = "SELECT CustomerName, Month FROM CustomersAndTenants ORDER BY CustomerName ASC LIMIT 20 TIMESPAN LIFETIME"
# Calls are made up from a fixed seed, few for each operation: what matters is that no operation is forgotten.
SCHEMATHESIS = ["--seed", "1", "--max-examples", "4", "--phases", "coverage,fuzzing", "--workers", "2", "--no-color", "--warnings", "off"]
SCHEMATHESIS += ["--generation-database", "none", "--generation-with-security-parameters", "false"]
# Bodies are read more generously than they are described, so that a wrong one may well be taken.
SCHEMATHESIS += ["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"]
MANAGED = "api://insightgate/manage/.default"


@pytest.fixture(scope="module")
def tried(start, tmp_path_factory):
    """A server of its own: all that can be called is called."""
    with start(tmp_path_factory.mktemp("described") / "data", "--no-quotas", "--rows", "300") as running:
        yield running


def operator_token(demo):
    operator = demo.ready["operator"]
    url = f"{demo.ready['authority']}/oauth2/v2.0/token"
    return demo.session.post(url, data={"grant_type": "client_credentials", "scope": MANAGED, **operator}).json()["access_token"]


def test_a_client_for_python_makes_a_report(tried, tmp_path, monkeypatch):
    document = tmp_path / "openapi.json"
    document.write_bytes(tried.session.get(f"{tried.ready['api']}/openapi.json").content)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    made = subprocess.run([*command, "--output-path", str(tmp_path / "made_client")], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0 and "Unable to" not in made.stdout + made.stderr, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    of = importlib.import_module
    make = of("made_client").AuthenticatedClient(base_url=tried.ready["http"] + "/insights/v1/mpn", token=tried.sign_in())
    models = of("made_client.models")
    with make as client:
        query = of("made_client.api.scheduled_queries.create_query").sync(client=client, body=models.CreateQueryBody(name="of Python", query=ROWS))
        preview = of("made_client.api.scheduled_queries.preview_query").sync(client=client, query_id=query.value[0].query_id)
        assert preview.status_code == 200 and len(preview.value) == 20
        body = models.CreateReportBody(report_name="of Python", query_id=query.value[0].query_id, execute_now=True)
        report = of("made_client.api.scheduled_report.create_report").sync(client=client, body=body)
        executions = of("made_client.api.scheduled_report.list_executions")

        def completed():
            found = executions.sync(client=client, report_id=report.value[0].report_id)
            return found.status_code == 200 and found.value[0].execution_status == "Completed" and found.value[0]

        execution = eventually(completed)
        refused = of("made_client.api.scheduled_dataset.list_datasets").sync(client=client, dataset_name="Nothing")
        assert (refused.status_code, refused.message) == (404, "No item found with given filters.")
    lines = tried.download(execution.report_access_secure_link).text.splitlines()
    assert lines[0] == "CustomerName,Month" and len(lines) == execution.row_count + 1 == 21


def test_types_for_typescript_make_a_report(tried, tmp_path):
    modules = Path(os.environ["OPENAPI_TYPESCRIPT_FOLDER"]) / "node_modules"
    node = lambda *arguments: subprocess.run(["node", *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=120)  # noqa: E731
    for name, document in [("api", "insights/v1/mpn"), ("authority", "oauth2"), ("manage", "manage/v1")]:
        (tmp_path / f"{name}.json").write_bytes(tried.session.get(f"{tried.ready['http']}/{document}/openapi.json").content)
        made = node(modules / "openapi-typescript/bin/cli.js", f"{name}.json", "-o", f"{name}.ts")
        assert made.returncode == 0, made.stderr
    (tmp_path / "report.ts").write_text((HERE / "report.ts").read_text())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = {"strict": True, "target": "es2022", "module": "es2022", "moduleResolution": "bundler", "lib": ["es2022", "dom"], "types": []}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    # What Node has is said here, without its own package of types.
    (tmp_path / "node.d.ts").write_text("declare const process: { argv: string[]; stdout: { write(text: string): void } };\n")
    compiled = node(modules / "typescript/bin/tsc", "--project", ".")
    assert compiled.returncode == 0, compiled.stdout
    ran = node("report.js", tried.ready["http"] + "/insights/v1/mpn", tried.sign_in(), ROWS)
    assert ran.returncode == 0 and len(ran.stdout.splitlines()) == 21, ran.stdout + ran.stderr


def wrong(browser):
    """What broke the page's policy, or was missing; not what Chromium would like of forms."""
    return [told for told in browser.complaints() if "[DOM]" not in told]


@pytest.mark.skipif(not chromium.is_there(), reason="chromium and chromium-driver are not installed")
def test_the_page_signs_in_and_tries_a_call(tried, tmp_path):
    ready = tried.ready
    with chromium.Chromium(tmp_path / "chromium") as browser:
        # As high as its dialogs, which scroll otherwise.
        browser.look(1280, 1600)
        browser.open(f"{ready['http']}/insights/v1/mpn/swagger/index.html?client_id={ready['public_client_id']}")
        eventually(lambda: browser.count(".btn.authorize"))
        browser.click(".btn.authorize")
        eventually(lambda: browser.count(".auth-container input[type=checkbox]"))
        assert browser.run("return document.querySelector('#client_id_authorizationCode').value") == ready["public_client_id"]
        page = browser.windows()[0]
        browser.click("[aria-label='Apply given OAuth2 credentials']")
        window = eventually(lambda: [one for one in browser.windows() if one != page])[0]
        browser.look_at(window)
        browser.type("username", ready["username"])
        browser.type("password", ready["password"])
        browser.press("password")
        eventually(lambda: browser.windows() == [page])
        browser.look_at(page)
        eventually(lambda: "Authorized" in browser.text())
        browser.click(".auth-btn-wrapper .btn-done")
        browser.click("#operations-ScheduledDataset-listDatasets .opblock-summary-control")
        eventually(lambda: browser.count(".try-out__btn"))
        browser.click(".try-out__btn")
        browser.click(".btn.execute")
        eventually(lambda: browser.count(".live-responses-table .response"))
        assert "Dataset fetched successfully" in browser.run("return document.querySelector('.live-responses-table').textContent")
        assert wrong(browser) == []
        for base in ("manage/v1", "oauth2"):
            browser.open(f"{ready['http']}/{base}/swagger/index.html")
            eventually(lambda: browser.count(".opblock"))
            assert wrong(browser) == []


# The last, since what is made up also changes things.
@pytest.mark.parametrize("document", ["insights/v1/mpn", "insights/v1/cmp", "insights/v1.1/cmp", "oauth2", "manage/v1"])
def test_made_up_calls_are_answered_as_described(tried, document, tmp_path):
    token = {"insights": tried.sign_in, "manage": lambda: operator_token(tried)}.get(document.split("/")[0])
    arguments = ["--header", f"Authorization: Bearer {token()}"] if token else []
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{tried.ready['http']}/{document}/openapi.json", *arguments, *SCHEMATHESIS]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0 and "No issues found" in run.stdout, run.stdout + run.stderr
    assert "not met" not in run.stdout and "Selected: 0" not in run.stdout
