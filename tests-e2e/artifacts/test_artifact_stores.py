"""The files of reports in an object store: written whole or not at all, read through the server, or by links of the store's own."""

import hashlib
import json
import os
import subprocess
import time
from datetime import datetime, timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
import requests
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.demo import RUN_SECONDS, read_time
from harness.emulators import BUCKET, S3, Azure
from harness.waiting import eventually

FILES = "files/of-reports"
SMALL = "SELECT MPNId, PartnerName, Country FROM Profile TIMESPAN LIFETIME"
# Several parts of an upload.
LARGE = "SELECT Id, Customer FROM Sales TIMESPAN LIFETIME"
LARGE_ROWS = 500_000
ANY_STATUS = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
DEFINITION = 'name = "{0}"\nprogram = "mpn"\n[[columns]]\nname = "Id"\ntype = "int64"\n[[columns]]\nname = "Customer"\ntype = "string"\n'


@pytest.fixture(scope="module", params=["s3", "azure"])
def store(request, tmp_path_factory):
    store = S3() if request.param == "s3" else Azure(tmp_path_factory.mktemp("azurite"))
    yield store
    store.close()


def configuration(folder, scheme, *more):
    lines = ["[data]", f'folder = "{folder}"', "[artifacts]", f'root = "{scheme}://{BUCKET}/{FILES}"', *more]
    return "\n".join([*lines, "[reports]", "quotas = false", "link_hours = 48", "[log]", 'level = "info"', ""])


def scheme(store):
    return store.url.split("://")[0]


@pytest.fixture(scope="module")
def served(start, store, tmp_path_factory):
    """The demo's identities and rows on the disk, its reports' files in the store."""
    with start(tmp_path_factory.mktemp("served") / "data", "--no-quotas", "--rows", "60") as demo:
        for name in ("Sales", "Damaged"):
            definitions = demo.data_dir / "datasets" / "mpn"
            definitions.mkdir(parents=True, exist_ok=True)
            (definitions / f"{name}.toml").write_text(DEFINITION.format(name))
            rows = demo.data_dir / "data" / "mpn" / name / f"tenant={demo.ready['tenant_id']}"
            rows.mkdir(parents=True)
            with duckdb.connect() as connection:
                connection.execute(
                    f"COPY (SELECT i AS Id, 'customer ' || hash(i) || ' ' || hash(i + 1) AS Customer FROM range({LARGE_ROWS}) t(i)) TO '{rows}/a.parquet' (FORMAT parquet)"
                )
        file = demo.data_dir / "data" / "mpn" / "Damaged" / f"tenant={demo.ready['tenant_id']}" / "a.parquet"
        content = bytearray(file.read_bytes())
        # The rows at the end cannot be read; the footer can.
        content[-600_000:-400_000] = b"\xa5" * 200_000
        file.write_bytes(content)
        demo.serve(configuration(demo.data_dir, scheme(store)), store.environment)
        yield demo
        assert store.secret not in "".join(demo.lines)


def names(served, store, report_id):
    """Of the objects of a report, without what stands before their folder."""
    folder = f"{FILES}/{served.ready['tenant_id']}/{report_id}/"
    return {name.removeprefix(folder): size for name, size in store.sizes(folder).items()}


def test_a_file_lies_in_the_store_and_is_read_through_the_server(served, store):
    for kind, query in [("csv", SMALL), ("csv.gz", SMALL), ("csv", LARGE)]:
        execution = served.run(served.create_query(query)["queryId"], Format=kind)
        content = served.download(execution["reportAccessSecureLink"]).content
        assert hashlib.sha256(content).hexdigest() == execution["sha256"] and len(content) == execution["byteCount"]
        name = f"{execution['executionId']}-1.{kind}"
        assert names(served, store, execution["reportId"]) == {name: len(content)}, [line for line in served.lines if "WARN" in line]
        whole_name = f"{FILES}/{served.ready['tenant_id']}/{execution['reportId']}/{name}"
        assert store.kind(whole_name) == {"csv": "text/csv; charset=utf-8", "csv.gz": "application/gzip"}[kind]
        part = served.download(execution["reportAccessSecureLink"], headers={"Range": "bytes=5-99"})
        assert part.status_code == 206 and part.content == content[5:100]
        assert not list((served.data_dir / "artifacts").rglob(f"*{execution['executionId']}*")), "nothing lies in the folder"
        if query == LARGE:
            assert len(content) > 3 << 23 and content.count(b"\n") == LARGE_ROWS + 1
    assert not store.unfinished()


def curl(served, link, *flags):
    """Its exit code and what it wrote."""
    command = ["curl", "--silent", "--cacert", served.ready["ca_certificate"], "--config", "-", *flags]
    ran = subprocess.run(command, input=f'url = "{link}"\n'.encode(), capture_output=True, timeout=RUN_SECONDS)
    return ran.returncode, ran.stdout


def test_no_download_of_a_damaged_file_ends_well(served, store):
    """Shorter, longer or with another byte: whatever a client asks for, it is told."""
    execution = served.run(served.create_query(LARGE)["queryId"])
    link = execution["reportAccessSecureLink"]
    content = served.download(link).content
    assert hashlib.sha256(content).hexdigest() == execution["sha256"]
    name = f"{FILES}/{served.ready['tenant_id']}/{execution['reportId']}/{execution['executionId']}-1.csv"
    place = len(content) // 2
    flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    for damaged in (content[:place], content + b"more", flipped):
        store.replace(name, damaged)
        for flags in ((), ("--compressed",), ("--http1.1", "--compressed"), ("--range", f"5-{len(content) - 1}")):
            code, wrote = curl(served, link, *flags)
            assert code != 0 and len(wrote) < len(content) and wrote in content, (len(damaged), flags, code, len(wrote))
        for encoding in ("gzip", "identity"):
            with pytest.raises(requests.RequestException):
                served.download(link, headers={"Accept-Encoding": encoding})
    # The operator finds it without a download.
    command = [served.binary, "verify", "--config", str(served.data_dir.parent / f"{served.data_dir.name}.toml"), "--json"]
    looked = subprocess.run(command, env=os.environ | store.environment, capture_output=True, text=True, timeout=RUN_SECONDS)
    found = json.loads(looked.stdout)["findings"]
    assert looked.returncode == 1 and [one["executionId"] for one in found if one["kind"] == "artifactDamaged"] == [execution["executionId"]], found
    # What is not damaged is read.
    part = served.download(link, headers={"Range": f"bytes=5-{place // 2}"})
    assert part.status_code == 206 and part.content == content[5 : place // 2 + 1]
    eventually(lambda: any("ERROR" in line and "the artifact is damaged" in line and "correlation" in line for line in served.lines))
    store.replace(name, content)
    assert served.download(link).content == content
    assert curl(served, link, "--compressed") == (0, content)


@pytest.mark.alone
def test_a_download_while_the_store_is_away(served, store):
    execution = served.run(served.create_query(SMALL)["queryId"])
    with store.proxy.away():
        began = time.monotonic()
        answer = served.download(execution["reportAccessSecureLink"])
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0, answer.text
        assert time.monotonic() - began < 4, "two seconds, and what a busy machine takes"
    # That the store is away holds for a second.
    eventually(lambda: served.download(execution["reportAccessSecureLink"]).status_code == 200)
    assert hashlib.sha256(served.download(execution["reportAccessSecureLink"]).content).hexdigest() == execution["sha256"]


def test_deleting_a_report_removes_its_files(served, store):
    execution = served.run(served.create_query(SMALL)["queryId"])
    assert names(served, store, execution["reportId"])
    served.ok("DELETE", f"ScheduledReport/{execution['reportId']}")
    eventually(lambda: not names(served, store, execution["reportId"]))
    assert served.download(execution["reportAccessSecureLink"]).status_code in (403, 404)


def test_a_run_that_fails_leaves_nothing(served, store):
    """Parts had been sent when the rows could not be read any further."""
    query = served.create_query(LARGE.replace("Sales", "Damaged"))["queryId"]
    report_id = served.create_report(query, ExecuteNow=True)["reportId"]
    (execution,) = served.settled(report_id)
    assert execution["executionStatus"] == "Failed" and "a.parquet" in execution["failureReason"], execution
    assert execution["reportAccessSecureLink"] is None
    assert not names(served, store, report_id) and not store.unfinished()


def test_a_store_that_fails_in_the_middle_of_an_upload(served, store):
    """The run says why and is made again until the store is back; in between there is nothing to be read."""
    query = served.create_query(LARGE)["queryId"]
    with store.proxy.cut_after(10 << 20):
        report_id = served.create_report(query, ExecuteNow=True)["reportId"]

        def waiting():
            (execution,) = served.ok("GET", f"ScheduledReport/execution/{report_id}", params=ANY_STATUS)
            return execution if execution["failureReason"] else None

        execution = eventually(waiting, 90)
        assert store.proxy.is_away, "the upload had begun"
        assert execution["failureReason"] == "The storage cannot be reached. Try again shortly."
        assert execution["executionStatus"] in ("Pending", "Running") and execution["reportAccessSecureLink"] is None, execution
        assert any("the object store at http://" in line and "cannot be reached" in line for line in served.lines), served.lines[-5:]
    (execution,) = served.settled(report_id)
    assert execution["executionStatus"] == "Completed" and execution["attempts"] > 1 and execution["failureReason"] is None, execution
    assert hashlib.sha256(served.download(execution["reportAccessSecureLink"]).content).hexdigest() == execution["sha256"]
    # The file of the attempt that completed, and none of those before it.
    found = names(served, store, report_id)
    assert list(found.values()) == [execution["byteCount"]] and f"{execution['executionId']}-1.csv" not in found, found


def signature(link):
    return parse_qs(urlsplit(link).query)["X-Amz-Signature"]


def signature_by_botocore(store, link):
    at = datetime.strptime(parse_qs(urlsplit(link).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    request = AWSRequest(method="GET", url=link.split("?")[0])
    credentials = Credentials(store.environment["AWS_ACCESS_KEY_ID"], store.secret)
    with patch("botocore.auth.get_current_datetime", return_value=at):
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=3600).add_auth(request)
    return signature(request.url)


def test_links_of_the_store(served, store):
    """They need no server, live an hour at most, and open that file only."""
    served.serve(configuration(served.data_dir, scheme(store), 'links = "store"'), store.environment)
    execution = served.run(served.create_query(SMALL)["queryId"])
    link = execution["reportAccessSecureLink"]
    assert link.startswith(store.proxy.url) and f"/{FILES}/" in link
    left = read_time(execution["reportExpiryTime"]) - read_time(execution["reportGeneratedTime"])
    assert timedelta(minutes=59) < left < timedelta(minutes=62)
    content = requests.get(link, timeout=RUN_SECONDS)
    assert content.status_code == 200 and hashlib.sha256(content.content).hexdigest() == execution["sha256"]
    # The other address stays the server's own, which opens nothing without a signature.
    assert execution["reportLocation"].startswith(served.ready["https"]) and served.download(execution["reportLocation"]).status_code == 403
    if isinstance(store, Azure):
        for changed in (link.replace(f"{execution['executionId']}-1.csv", f"{execution['executionId']}-2.csv"), link.replace("sp=r", "sp=rw"), link.split("?")[0]):
            assert changed != link
            refused = requests.get(changed, timeout=RUN_SECONDS)
            assert refused.status_code in (403, 404) and content.content not in refused.content, changed
        assert requests.delete(link, timeout=RUN_SECONDS).status_code == 403
    else:
        # The emulator takes every signature; Amazon's own library makes the same one.
        assert "X-Amz-Expires=3600" in link and signature(link) == signature_by_botocore(store, link)


def test_a_folder_has_no_links_of_its_own(binary, tmp_path):
    file = tmp_path / "insightgate.toml"
    for root in ("", f'root = "{tmp_path / "files"}"\n'):
        file.write_text(f'[data]\nfolder = "{tmp_path / "data"}"\n[artifacts]\n{root}links = "store"\n')
        refused = subprocess.run([str(binary), "serve", "--config", str(file)], capture_output=True, text=True, timeout=RUN_SECONDS)
        assert refused.returncode == 2 and 'artifacts.links: "store" does not fit artifacts.root: a folder has no links of its own' in refused.stderr, refused.stderr
