"""What is around a server fails: it answers within seconds, says what cannot be done, writes nothing where it should not, and ends when it is told to."""

import os
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from contextlib import closing, contextmanager

import pytest
import requests

from harness.deployment import DOMAIN, RESOURCE, Deployment, Process
from harness.emulators import BUCKET, S3
from harness.postgres import Postgres
from harness.waiting import eventually

# Two seconds to the answer, and what a busy machine adds to them.
SOON = 5
LIST = "ScheduledQueries"
TABLE = "SELECT MPNId, PartnerName, Country FROM Profile TIMESPAN LIFETIME"


@pytest.fixture(scope="module")
def postgres():
    with Postgres("fsync=off", "max_connections=60") as server:
        yield server


@contextmanager
def deployed(binary, postgres, folder, name, **settings):
    running = Deployment(binary, folder, postgres.make(name), 1, INSIGHTGATE_SERVER_DRAIN_SECONDS="5", **settings)
    with running:
        running.partner()
        yield running


def timed(ask):
    begun = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - begun


def ready(url):
    answer, took = timed(lambda: requests.get(f"{url}/readyz", timeout=60))
    assert took < SOON, took
    return answer.status_code, {check["name"]: check["detail"] for check in answer.json()["checks"] if not check["ok"]}


def turned_away(answer, took):
    assert answer.status_code == 503 and took < SOON, f"{answer.status_code} after {took:.1f} s: {answer.text}"
    assert int(answer.headers["Retry-After"]) > 0


@contextmanager
def frozen(postgres):
    """The database's processes stand still: connections stay, and nothing comes."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(postgres.process.pid)], capture_output=True, text=True, check=True).stdout.split()
    processes = [postgres.process.pid, *map(int, listed)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(processes):
            try:
                os.kill(process, signal.SIGCONT)
            except ProcessLookupError:
                pass


def asks_everything(running, token):
    """Every kind of request, many at once."""
    answers = []

    def ask(call):
        answers.append(timed(call))

    calls = [lambda: running.call("GET", LIST, token), lambda: running.call("POST", LIST, token, json={"Name": "q", "Query": TABLE})]
    form = {"grant_type": "password", "resource": RESOURCE, "scope": "openid"} | running.form
    calls += [lambda: requests.post(f"{running.first.url}/{DOMAIN}/oauth2/token", data=form, timeout=60)]
    calls += [lambda: running.call("GET", f"{LIST}/testQueryResult?exportQuery={TABLE}", token)]
    threads = [threading.Thread(target=ask, args=(call,)) for call in calls * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(calls) * 5
    return answers


@pytest.mark.alone
@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_database_that_is_away(binary, postgres, tmp_path, how):
    with deployed(binary, postgres, tmp_path, f"away_{how}") as running:
        token = running.token()
        assert running.call("GET", LIST, token).status_code in (200, 404)
        if how == "gone":
            postgres.kill()
            away = None
        else:
            away = frozen(postgres)
            away.__enter__()
        try:
            for _ in range(2):
                for answer, took in asks_everything(running, token):
                    turned_away(answer, took)
            status, details = ready(running.first.url)
            assert status == 503 and details["database"] == "nothing can be answered: the database does not answer", details
            assert requests.get(f"{running.first.url}/healthz", timeout=5).text == "ok"
            # Nobody reads of hosts and causes but the operator.
            assert "127.0.0.1" not in requests.get(f"{running.first.url}/readyz", timeout=60).text
            log = running.first.log.read_text()
            for cause in ("a request could not be answered now", "the database cannot be used"):
                assert 1 <= log.count(cause) <= 8, log.count(cause)
            begun = time.monotonic()
            assert running.first.stop(30) == 0
            assert time.monotonic() - begun < 5 + SOON, "it ends within its time to drain"
        finally:
            postgres.start() if away is None else away.__exit__(None, None, None)


def test_a_database_that_takes_no_writes(binary, postgres, tmp_path):
    with deployed(binary, postgres, tmp_path, "read_only") as running:
        token = running.token()
        query = running.ok("POST", LIST, token, json={"Name": "q", "Query": TABLE})[0]["queryId"]
        postgres.sql("ALTER DATABASE read_only SET default_transaction_read_only = on")
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'read_only'")
        status, details = eventually(lambda: (found := ready(running.first.url))[0] == 503 and found, 20)
        assert details == {"databaseWrites": "nothing can be changed, and no token can be given: the database is read-only"}
        # What is there is read on.
        assert query in [found["queryId"] for found in running.ok("GET", LIST, token)]
        turned_away(*timed(lambda: running.call("POST", LIST, token, json={"Name": "r", "Query": TABLE})))


def test_a_character_that_postgres_keeps_in_no_text(binary, postgres, tmp_path):
    """U+0000 is refused where it comes in, and what strangers send with it keeps nothing else from being recorded."""
    with deployed(binary, postgres, tmp_path, "null") as running:
        token = running.token()
        query = {"Name": "q", "Query": "SELECT CustomerName FROM CustomersAndTenants"}
        kept = running.ok("POST", "ScheduledQueries", token, json=query)[0]["queryId"]
        report = {"ReportName": "r", "QueryId": kept, "ExecuteNow": True}
        for path, body in (
            ("ScheduledQueries", query | {"Name": "a\0b"}),
            ("ScheduledQueries", query | {"Description": "a\0b"}),
            ("ScheduledQueries", query | {"Query": query["Query"] + " WHERE CustomerName = '\0'"}),
            ("ScheduledReport", report | {"ReportName": "a\0b"}),
            ("ScheduledReport", report | {"CallbackUrl": "https://callbacks.example/\0"}),
        ):
            answer = running.call("POST", path, token, json=body)
            assert answer.status_code == 400 and "U+0000" in answer.json()["message"], f"{body}: {answer.status_code} {answer.text}"
        for path in ("ScheduledQueries/%00", "ScheduledReport/%00"):
            assert running.call("DELETE", path, token).status_code == 404, path
        for path in ("ScheduledQueries?queryId=%00", "ScheduledReport?reportId=%00", "ScheduledReport/execution/%00", "ScheduledReport?queryId=%00"):
            answer = running.call("GET", path, token)
            assert answer.status_code in (200, 400, 404), f"{path}: {answer.status_code} {answer.text}"
        form = {"grant_type": "password", "resource": RESOURCE, "scope": "openid"} | running.form
        for name in ("username", "client_id", "client_secret", "password"):
            answer = requests.post(f"{running.first.url}/{DOMAIN}/oauth2/token", data=form | {name: "a\0b"}, timeout=60)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), f"{name}: {answer.text}"
        for address in ("%00/oauth2/token", f"{DOMAIN}/oauth2/token?a=%00", "artifacts/%00/%00?sig=%00"):
            assert requests.post(f"{running.first.url}/{address}", data=form | {"password": "wrong"}, timeout=60).status_code < 500, address
        # The wrong password, after all of that.
        eventually(lambda: postgres.sql("SELECT occurrences FROM audit_events WHERE action = 'token.refuse'", "null") == ["1"])
        assert "could not be written" not in running.first.log.read_text()


@pytest.mark.alone
def test_a_table_that_somebody_locks(binary, postgres, tmp_path):
    with deployed(binary, postgres, tmp_path, "locked") as running:
        token = running.token()
        psql = [postgres.programs / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "insightgate", "-d", "locked"]
        holder = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **postgres.user)
        holder.stdin.write("BEGIN; LOCK TABLE scheduled_reports IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        while "held" not in holder.stdout.readline():
            pass
        waiting = [threading.Thread(target=running.call, args=("GET", "ScheduledReport", token)) for _ in range(20)]
        for thread in waiting:
            thread.start()
        for _ in range(10):
            assert ready(running.first.url)[0] == 200
            for ask in (running.token, lambda: running.call("GET", "ScheduledDataset", token)):
                _, took = timed(ask)
                assert took < 1.5, took
        turned_away(*timed(lambda: running.call("GET", "ScheduledReport", token)))
        for thread in waiting:
            thread.join()
        holder.stdin.close()
        holder.wait(10)
        assert running.call("GET", "ScheduledReport", token).status_code in (200, 404)


@pytest.mark.alone
def test_a_store_that_is_away_or_refuses(start, tmp_path):
    store = S3()
    with start(tmp_path / "data", "--no-quotas", "--rows", "20") as demo:
        for file in (demo.data_dir / "data").rglob("*.parquet"):
            store.put(str(file.relative_to(demo.data_dir / "data")), file.read_bytes())
        lines = ["[data]", f'folder = "{demo.data_dir}"', f'root = "{store.url}"', "[artifacts]", f'root = "s3://{BUCKET}/files"', ""]
        demo.serve("\n".join([*lines, "[reports]", "quotas = false", ""]), store.environment)
        demo.sign_in()
        link = demo.run(demo.create_query(TABLE)["queryId"])["reportAccessSecureLink"]
        assert ready(demo.ready["http"]) == (200, {})
        with store.proxy.away():
            eventually(lambda: ready(demo.ready["http"])[0] == 503)
            status, details = ready(demo.ready["http"])
            assert details["artifacts"] == "reports cannot be written: the artifact store does not answer, or answers with an error"
            assert details["data"].startswith("queries cannot be answered: the data store does not answer")
            turned_away(*timed(lambda: demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": TABLE})))
            turned_away(*timed(lambda: demo.session.get(link)))
            # What needs no store goes on.
            assert demo.call("GET", LIST).status_code == 200
        eventually(lambda: ready(demo.ready["http"]) == (200, {}))
        store.failing = 1
        eventually(lambda: "artifacts" in ready(demo.ready["http"])[1])
        store.failing = 0
        eventually(lambda: ready(demo.ready["http"]) == (200, {}))
        with store.judging():
            details = eventually(lambda: len(found := ready(demo.ready["http"])[1]) == 2 and found)
            assert details["artifacts"] == "reports cannot be written: the artifact store refuses the server's credentials"
        assert demo.session.get(link).status_code == 200
    store.close()


def serve(binary, folder, **environment):
    return Process(binary, folder, {"INSIGHTGATE_SERVER_HTTPS": "", "INSIGHTGATE_DATA_FOLDER": "data"} | environment)


def refused_start(process):
    """What a start says that ends at once."""
    process.start(wait=False)
    assert process.process.wait(30) == 1, process.log.read_text()
    said = process.log.read_text()
    process.log.unlink()
    return said


def state(folder):
    """What lies there. A server that ended while a connection was being closed leaves the database's log beside it: whoever opens it next takes that in."""
    with closing(sqlite3.connect(folder / "insightgate.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_key_that_is_missing_or_wrong_writes_nothing(binary, tmp_path):
    process = serve(binary, tmp_path)
    process.start()
    assert process.stop() == 0
    key = tmp_path / "data" / "encryption.key"
    kept = key.read_bytes()
    key.unlink()
    before = state(tmp_path / "data")
    said = refused_start(process)
    assert "the encryption key is missing" in said and str(key) in said and "INSIGHTGATE_ENCRYPTION_KEY" in said, said
    assert "either give the key" in said and "or start anew" in said
    assert state(tmp_path / "data") == before
    process.environment["INSIGHTGATE_ENCRYPTION_KEY"] = "07" * 32
    assert "the encryption key is another one" in refused_start(process)
    assert state(tmp_path / "data") == before
    process.environment["INSIGHTGATE_ENCRYPTION_KEY"] = kept.hex()
    process.start()
    assert process.stop() == 0


def test_a_demo_starts_anew_as_the_refusal_says(binary, start, tmp_path):
    folder = tmp_path / "data"
    with start(folder, "--rows", "60") as demo:
        first = demo.ready
    (folder / "encryption.key").unlink()
    again = [binary, "demo", "--once", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data-dir", folder, "--rows", "60"]
    refused = subprocess.run(again, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and f"move {folder / 'insightgate.db'} away" in refused.stderr, refused.stderr
    (folder / "insightgate.db").rename(tmp_path / "away.db")
    with start(folder, "--rows", "60") as demo:
        assert {name: demo.ready[name] for name in ("tenant_id", "client_secret", "password")}.items() <= first.items()
        assert demo.preview("SELECT MPNId, PartnerName FROM Profile")
        assert demo.within("cmp").datasets()


def test_what_is_no_database_is_named(binary, tmp_path):
    process = serve(binary, tmp_path)
    process.start()
    assert process.stop() == 0
    file = tmp_path / "data" / "insightgate.db"
    # A write-ahead log that is left over would be written into whatever lies there at the next start.
    sqlite3.connect(file).executescript("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    whole = file.read_bytes()
    foreign = tmp_path / "foreign.db"
    sqlite3.connect(foreign).executescript("CREATE TABLE recipes (name TEXT)").connection.close()
    spoilt = bytearray(whole)
    spoilt[100:400] = b"\xa5" * 300
    for content, why in [(b"x" * 5000, "is no SQLite file"), (foreign.read_bytes(), "another program's"), (spoilt, "is damaged"), (whole[:9000], "is damaged")]:
        file.write_bytes(content)
        said = refused_start(process)
        assert why in said and str(file) in said and "hint: " in said, said
        assert file.read_bytes() == content
    file.write_bytes(whole)
    process.start()
    assert process.stop() == 0


@pytest.mark.parametrize("name", ["a%20b", "what?mode=memory#1", "line\nbreak"])
def test_a_folder_of_any_name_holds_its_database(binary, tmp_path, name):
    folder = tmp_path / name / "data"
    process = serve(binary, tmp_path / "server", INSIGHTGATE_DATA_FOLDER=str(folder))
    process.start()
    for path in folder.glob("insightgate.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert (folder / "insightgate.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir() if path.name != "server"] == [name], "nothing lies elsewhere"
    process.kill()


def test_sighup_ends_no_server(binary, start, tmp_path):
    process = serve(binary, tmp_path / "served")
    process.start(wait=False)
    # From the first moment that the signal can be told apart from a start that has not begun.
    eventually(lambda: caught(process.process.pid))
    process.process.send_signal(signal.SIGHUP)
    process.wait()
    process.process.send_signal(signal.SIGHUP)
    assert process.is_up() and process.stop() == 0
    with start(tmp_path / "demo", "--rows", "20") as demo:
        demo.process.send_signal(signal.SIGHUP)
        assert requests.get(f"{demo.ready['http']}/readyz", timeout=60).status_code == 200
        assert demo.process.poll() is None


@pytest.mark.parametrize("server", ["serve", "demo"])
def test_sighup_while_the_arguments_are_read_ends_no_server(binary, server):
    """A pipe that is full holds the process there, in the middle of its help."""
    reads, writes = os.pipe()
    with open(reads, "rb") as help_text, open(writes, "wb", buffering=0) as full:
        os.set_blocking(writes, False)
        while full.write(b"x" * 4096):
            pass
        os.set_blocking(writes, True)
        process = subprocess.Popen([binary, server, "--help"], stdout=full)
        try:
            full.close()
            eventually(lambda: caught(process.pid))
            process.send_signal(signal.SIGHUP)
            assert b"Usage: insightgate " + server.encode() in help_text.read()
            assert process.wait(30) == 0
        finally:
            process.kill()


def caught(pid):
    lines = open(f"/proc/{pid}/status").read().splitlines()
    mask = next(line for line in lines if line.startswith("SigCgt:")).split()[1]
    return int(mask, 16) >> (signal.SIGHUP - 1) & 1


def command(binary, folder, *arguments, **environment):
    outer = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
    return subprocess.run([binary.resolve(), *arguments], cwd=folder, env=outer | environment, capture_output=True, text=True, timeout=60)


def test_only_demo_and_init_make_a_data_folder(binary, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    tenant = "3f1c0000-0000-4000-8000-000000000000"
    for arguments in [
        ("dataset", "add", "rows.csv", "--name", "Rows", "--tenant", tenant),
        ("dataset", "import", "rows.csv", "--name", "Rows", "--tenant", tenant),
        ("dataset", "list"),
        ("run", "--tenant", tenant, TABLE, "-o", "out.csv"),
        ("backup", "-o", "copy.db"),
    ]:
        for folder in ("nowhere", "."):
            ran = command(binary, tmp_path, *arguments, "--data-dir", folder)
            assert ran.returncode == 4 and "data folder" in ran.stderr and "hint: " in ran.stderr, (arguments, folder, ran.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_unknown_variables_and_levels_are_told(binary, tmp_path):
    ran = command(binary, tmp_path, "init", "--config", "-", INSIGHTGATE_SERVER_HTPP="x", INSIGHTGATE_SERVICE_HOST="10.0.0.1")
    assert ran.returncode == 0
    assert ran.stderr == "warning: the variable INSIGHTGATE_SERVER_HTPP means nothing here; is INSIGHTGATE_SERVER_HTTP meant?\n"
    ran = command(binary, tmp_path, "dataset", "list", INSIGHTGATE_LOG="verbose")
    assert ran.returncode == 2 and 'no level "verbose"' in ran.stderr and "error, warn, info, debug, trace" in ran.stderr
    (tmp_path / "insightgate.toml").write_text('[log]\nlevel = "loud"\n')
    ran = command(binary, tmp_path, "serve", "--config", "insightgate.toml")
    assert ran.returncode == 2 and 'no level "loud"' in ran.stderr
