"""Programs that save what is behind a link, each by its own idea of the file's name and of what the server sends."""

import gzip
import ssl
import subprocess
import urllib.request

import pytest
from azure.storage.blob import BlobClient

QUERY = "SELECT CustomerName FROM CustomersAndTenants ORDER BY CustomerName ASC"
NAMES = ["a" * 256, "Umsätze " + "ö" * 240, "日本語" * 80, "EMEA/APAC: 100% \"best\"", "..", "-o"]


def execution(demo, **fields):
    return demo.run(demo.create_query(QUERY)["queryId"], **fields)


@pytest.fixture
def curl(demo, tmp_path):
    def run(*arguments):
        command = ["curl", "-sS", "--fail", "--cacert", demo.ready["ca_certificate"], *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (saved,) = tmp_path.iterdir()
        content, name = saved.read_bytes(), saved.name
        saved.unlink()
        return name, content

    return run


@pytest.mark.parametrize("name", NAMES)
def test_curl_saves_under_every_name(demo, curl, name):
    run = execution(demo, ReportName=name)
    link, end = run["reportAccessSecureLink"], f"_{run['executionId']}.csv"
    content = demo.download(link).content
    # By the header, by the address, and by the header as newer clients read it.
    for arguments in (["-OJ", link], ["-O", link]):
        saved, found = curl(*arguments)
        assert found == content and saved.endswith(end) and len(saved.encode()) <= 255, saved


@pytest.mark.parametrize("name", ["EMEA/APAC", "100%/50% off", "Umsätze"])
def test_the_stores_own_client_finds_every_name(demo, name):
    run = execution(demo, ReportName=name)
    client = BlobClient.from_blob_url(run["reportAccessSecureLink"], connection_verify=demo.ready["ca_certificate"])
    assert client.download_blob().readall() == demo.download(run["reportAccessSecureLink"]).content


def test_a_client_that_unpacks_without_asking(start, tmp_path):
    """The published sample in Java sends no Accept-Encoding, and takes what comes for gzip."""
    with start(tmp_path / "lenient", "--lenient", "--rows", "100") as demo:
        link = execution(demo)["reportAccessSecureLink"]
        trusted = ssl.create_default_context(cafile=demo.ready["ca_certificate"])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
        opener.addheaders = []
        with opener.open(link) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            content = gzip.decompress(answer.read())
        assert content.startswith(b"CustomerName\n") and content == demo.download(link).content


def test_a_query_that_is_too_long_for_an_address(demo):
    names = ", ".join(f"'customer {number}'" for number in range(3_500))
    text = f"SELECT CustomerName FROM CustomersAndTenants WHERE CustomerName NOT IN ({names}) LIMIT 1"
    for longer in (text, text + " " * 80_000):
        answer = demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": longer})
        assert answer.status_code == answer.json()["statusCode"] == 414
        assert "POST ScheduledQueries/testQueryResult" in answer.json()["message"]
    assert len(demo.ok("POST", "ScheduledQueries/testQueryResult", json={"exportQuery": text})) == 1
