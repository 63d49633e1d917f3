"""A partner's way in, by commands alone: from an empty folder to data, and out again at once."""

import json
import sqlite3
import subprocess

import pytest

from harness.deployment import DOMAIN, LEGAL, PASSWORD, USER
from harness.receiver import Receiver
from harness.served import Served
from harness.waiting import eventually

IN = ("--tenant", DOMAIN)


@pytest.fixture(scope="module")
def served(binary, tmp_path_factory):
    with Served(binary, tmp_path_factory.mktemp("operator")) as server:
        server.ok("init", profile=None)
        yield server.serve()


@pytest.fixture(scope="module")
def secrets(served):
    """All that must never show in a log or a process list; the tests add theirs."""
    (line,) = [line for line in served.profiles.read_text().splitlines() if line.startswith("client_secret")]
    return [line.split('"')[1], PASSWORD]


@pytest.fixture(scope="module")
def partner(served, secrets):
    """Every prerequisite, each by its command."""
    (served.folder / "contoso.json").write_text(json.dumps(LEGAL))
    enrolled = served.json("tenant", "enroll", DOMAIN, "--profile-file", "contoso.json", "--global-account-id", "1001234")
    assert [(e["program"], e["status"]) for e in enrolled["enrollments"]] == [("mpn", "Pending")]
    code = enrolled["verificationCode"]
    secrets.append(code)
    assert "illegal" not in served.refused(1, "tenant", "activate", DOMAIN).lower()
    assert served.json("tenant", "verify", DOMAIN, "--code", code)["stage"] == "Review"
    assert served.json("tenant", "activate", DOMAIN)["status"] == "Accepted"
    assert DOMAIN in served.ok("tenant", "list") and "Karl Johans gate 1" in served.ok("tenant", "show", DOMAIN)

    served.ok("location", "add", "6096123", "--name", "Contoso Oslo", "--country", "Norway", *IN)
    assert [location["mpnId"] for location in served.json("location", "list", *IN)["value"]] == ["6096123"]

    user = served.json("user", "add", USER, "--display-name", "Report analyst", "--password-stdin", *IN, stdin=f"{PASSWORD}\n")
    application = served.json("app", "register", "Contoso reports", *IN)
    secret = served.json("app", "secret", "add", "Contoso reports", "--description", "end to end", *IN)
    secrets.append(secret["secret"])
    served.ok("app", "permission", "add", "Contoso reports", "user_impersonation", *IN)
    served.ok("app", "consent", "grant", "Contoso reports", "user_impersonation", *IN)
    served.ok("role", "assign", USER, "executive_report_viewer", *IN)
    sign_in = {"client_id": application["id"], "client_secret": secret["secret"], "username": USER, "password": PASSWORD}
    return {"tenant": enrolled["id"], "user": user["id"], "application": application["id"], "sign_in": sign_in}


def access(served, partner, secrets):
    answer = served.token(DOMAIN, **partner["sign_in"])
    assert answer.status_code == 200, answer.text
    secrets += [answer.json()["access_token"], answer.json()["refresh_token"]]
    return answer.json()["access_token"]


def test_init_again_changes_nothing(served, secrets):
    """The server holds the folder: init says so. In a folder of its own it is repeated below."""
    assert "another server works on the data folder" in served.refused(1, "init", profile=None)
    assert secrets[0] in served.profiles.read_text()


def test_init_may_be_repeated_and_recovers(binary, tmp_path):
    server = Served(binary, tmp_path / "again")
    server.ok("init", profile=None)
    written = server.profiles.read_text()
    assert server.profiles.stat().st_mode & 0o777 == 0o600
    assert "is there already" in server.command("init", profile=None).stderr
    assert server.profiles.read_text() == written
    server.profiles.unlink()
    assert "--new-operator-secret" in server.refused(1, "init", profile=None)
    server.ok("init", "--new-operator-secret", "--operator-file", "operator.json", profile=None)
    file = server.folder / "operator.json"
    assert file.stat().st_mode & 0o777 == 0o600
    operator = json.loads(file.read_text())
    assert operator.keys() == {"authority", "endpoint", "client_id", "client_secret", "ca_certificate"}
    assert operator["client_id"] in written and operator["client_secret"] not in written
    printed = server.ok("init", "--config", "-", profile=None)
    assert printed == (server.folder / "insightgate.toml").read_text()
    with server:
        server.serve()
        assert "operators.internal" in server.ok("tenant", "list", profile="operator.json")


def test_init_goes_on_where_it_was_cut_off(binary, tmp_path):
    """The steps that a killed start had not come to are taken away, the last one first."""
    server = Served(binary, tmp_path / "cut")
    server.ok("init", profile=None)
    written = server.profiles.read_text()
    with sqlite3.connect(server.folder / "insightgate-data" / "insightgate.db") as database:
        database.execute("DELETE FROM client_secrets")
    server.ok("init", profile=None)
    assert server.profiles.read_text() == written, "the secret that was written down is the one that works"
    with sqlite3.connect(server.folder / "insightgate-data" / "insightgate.db") as database:
        database.execute("DELETE FROM client_secrets")
        database.execute("DELETE FROM applications")
    server.profiles.unlink()
    server.ok("init", profile=None)
    with sqlite3.connect(server.folder / "insightgate-data" / "insightgate.db") as database:
        assert database.execute("SELECT domain FROM tenants").fetchall() == [("operators.internal",)]
        assert database.execute("SELECT count(*) FROM client_secrets").fetchall() == [(1,)]
    with server:
        server.serve()
        server.ok("tenant", "list")


def test_init_leaves_the_profile_of_another_server(binary, tmp_path):
    first, second = Served(binary, tmp_path / "first"), Served(binary, tmp_path / "second")
    first.ok("init", profile=None)
    written = first.profiles.read_text()
    shared = {"XDG_CONFIG_HOME": str(first.folder / "config")}
    assert "is of another server" in second.refused(1, "init", profile=None, **shared)
    assert first.profiles.read_text() == written
    second.ok("init", "--profile", "second", profile=None, **shared)
    assert first.profiles.read_text().startswith(written) and "[second]" in first.profiles.read_text()


def test_data(served, partner, secrets):
    answer = served.datasets(access(served, partner, secrets))
    assert answer.status_code == 200 and answer.json()["value"], answer.text


def test_callbacks_do_not_reach_this_machine(served, partner, secrets):
    """Unless the operator says so: a number is refused at once, a name when it is connected to."""
    headers = {"Authorization": f"Bearer {access(served, partner, secrets)}"}
    api = f"{served.url}/insights/v1/mpn"
    query = {"Name": "q", "Query": "SELECT MPNId FROM Profile TIMESPAN LIFETIME"}
    query_id = served.session.post(f"{api}/ScheduledQueries", json=query, headers=headers).json()["value"][0]["queryId"]

    def create(url):
        report = {"ReportName": "r", "QueryId": query_id, "ExecuteNow": True, "CallbackUrl": url}
        return served.session.post(f"{api}/ScheduledReport", json=report, headers=headers)

    with Receiver() as receiver:
        refused = create(receiver.url)
        assert refused.status_code == 400 and "CallbackUrl leads to 127.0.0.1" in refused.json()["message"], refused.text
        secrets.append("a-receivers-own-key")
        assert create(f"http://localhost:{receiver.port}/cb?code={secrets[-1]}").status_code == 200
        (callback,) = eventually(lambda: served.json("callback", "list", *IN)["value"])
        show = lambda: served.json("callback", "show", callback["id"])["attempts"]
        assert "may not be connected to" in eventually(show)[0]["error"]
        assert "localhost" in served.ok("callback", "list", "--state", "pending", *IN) and receiver.received == []
    # What a name led to is the operator's to know, else attempts would tell a tenant which private names exist.
    assert served.json("audit", "--action", "callback.refuse", *IN)["totalCount"] == 1
    everywhere = eventually(lambda: [event for event in served.json("audit", "--action", "callback.refuse")["value"] if event["actor"] == "insightgate worker"])
    assert "localhost" in everywhere[0]["detail"]


def test_a_location_limits_a_viewer(served, partner, secrets):
    served.ok("role", "revoke", USER, "executive_report_viewer", *IN)
    assert served.datasets(access(served, partner, secrets)).status_code == 403
    served.ok("role", "assign", USER, "executive_report_viewer", "--location", "6096123", *IN)
    (assignment,) = served.json("role", "list", *IN)["value"]
    assert assignment["locations"] == ["6096123"]
    assert USER in served.ok("role", "list", *IN), "people do not know ids"
    assert served.datasets(access(served, partner, secrets)).status_code == 200
    served.ok("role", "assign", USER, "executive_report_viewer", *IN)


def test_suspension_works_at_once(served, partner, secrets):
    token = access(served, partner, secrets)
    assert served.datasets(token).status_code == 200
    served.ok("tenant", "suspend", DOMAIN, "--reason", "Agreement ended")
    assert "Agreement ended" in served.ok("tenant", "show", DOMAIN)
    assert served.datasets(token).status_code == 403
    served.ok("tenant", "reactivate", DOMAIN)
    assert served.datasets(token).status_code == 200


def test_consent_permission_user_and_secret_each_shut_the_door(served, partner, secrets):
    token = access(served, partner, secrets)
    app = partner["application"]
    for shut, opened in [
        (("app", "consent", "revoke", app, "user_impersonation"), [("app", "consent", "grant", app, "user_impersonation")]),
        (
            ("app", "permission", "remove", app, "user_impersonation"),
            [("app", "permission", "add", app, "user_impersonation"), ("app", "consent", "grant", app, "user_impersonation")],
        ),
        (("user", "disable", USER), [("user", "enable", USER)]),
    ]:
        served.ok(*shut, *IN)
        assert served.datasets(token).status_code in (401, 403), shut
        for command in opened:
            served.ok(*command, *IN)
        assert served.datasets(access(served, partner, secrets)).status_code == 200, opened
    second = served.json("app", "secret", "add", app, *IN)
    secrets.append(second["secret"])
    listed = served.json("app", "secret", "list", app, *IN)["value"]
    assert len(listed) == 2 and all("secret" not in secret for secret in listed)
    served.ok("app", "secret", "revoke", app, second["id"], "--yes", *IN)
    refused = served.token(DOMAIN, **partner["sign_in"] | {"client_secret": second["secret"]})
    assert refused.json()["error_codes"] == [7000215]
    assert served.token(DOMAIN, **partner["sign_in"]).status_code == 200


def test_all_that_is_there_is_shown(served, partner, secrets):
    app, name = partner["application"], "Contoso reports"
    assert app in served.ok("app", "list", *IN) and app in served.ok("app", "show", name, *IN)
    assert [p["permission"] for p in served.json("app", "permission", "list", name, *IN)["value"]] == ["user_impersonation"]
    served.ok("app", "consent", "grant", name, "user_impersonation", "--user", USER, *IN)
    assert {consent["user"] for consent in served.json("app", "consent", "list", name, *IN)["value"]} == {None, partner["user"]}
    assert USER in served.ok("app", "consent", "list", name, *IN)
    served.ok("app", "consent", "revoke", name, "user_impersonation", "--user", USER, *IN)
    assert "whole organisation" in served.ok("app", "consent", "list", name, *IN)
    assert served.datasets(access(served, partner, secrets)).status_code == 200
    assert USER in served.ok("user", "list", *IN)


def test_a_further_program_and_a_further_code(served, partner, secrets):
    enrolled = served.json("tenant", "enroll", DOMAIN, "--program", "cmp")
    assert (enrolled["program"], enrolled["stage"]) == ("cmp", "EmailVerification")
    assert "there already" in served.refused(1, "tenant", "enroll", DOMAIN, "--program", "cmp", "--name", "Another")
    again = served.json("tenant", "verify", DOMAIN, "--program", "cmp", "--new-code")["verificationCode"]
    secrets += [again, enrolled["verificationCode"]]
    assert "code is wrong" in served.refused(1, "tenant", "verify", DOMAIN, "--program", "cmp", "--code", enrolled["verificationCode"])
    assert served.json("tenant", "verify", DOMAIN, "--program", "cmp", "--code", again)["stage"] == "Review"


def test_a_second_operator(served, partner, secrets):
    """The one revokes the other."""
    operators = ("--tenant", "operators.internal")
    second = served.json("app", "register", "Second operator", "--operator", *operators)
    secret = served.json("app", "secret", "add", "Second operator", *operators)
    secrets.append(secret["secret"])
    as_second = {"INSIGHTGATE_CLIENT_ID": second["id"], "INSIGHTGATE_CLIENT_SECRET": secret["secret"]}
    assert DOMAIN in served.ok("tenant", "list", **as_second)
    served.ok("app", "secret", "revoke", "Second operator", secret["id"], "--yes", *operators)
    # A token lives on for its hour; the secret gets no other.
    served.refused(3, "token", "--management", "--new", **as_second)


def test_an_administrator_manages_the_own_tenant_only(served, partner, secrets):
    """By user and password, through an application with the management permission."""
    name = f"grace@{DOMAIN}"
    made = served.json("user", "add", name, "--generate", *IN)
    secrets.append(made["generatedPassword"])
    served.ok("role", "assign", name, "account_admin", *IN)
    app = partner["application"]
    served.ok("app", "permission", "add", app, "management", *IN)
    served.ok("app", "consent", "grant", app, "management", *IN)
    profile = {
        "INSIGHTGATE_AUTHORITY": f"{served.url}/{DOMAIN}",
        "INSIGHTGATE_CLIENT_ID": app,
        "INSIGHTGATE_CLIENT_SECRET": partner["sign_in"]["client_secret"],
        "INSIGHTGATE_USERNAME": name,
        "INSIGHTGATE_PASSWORD": made["generatedPassword"],
        "INSIGHTGATE_CA_CERTIFICATE": served.session.verify,
    }
    as_administrator = {"profile": None} | profile
    assert {user["username"] for user in served.json("user", "list", **as_administrator)["value"]} == {USER, name}
    served.refused(4, "user", "list", "--tenant", "operators.internal", **as_administrator)
    # Who may see it all the same may not do everything.
    as_viewer = as_administrator | {"INSIGHTGATE_USERNAME": USER, "INSIGHTGATE_PASSWORD": PASSWORD}
    served.refused(3, "user", "list", **as_viewer)


def test_a_password(served, partner, secrets):
    name = f"mary@{DOMAIN}"
    (served.folder / "password").write_text("first horse 7 battery\n")
    (served.folder / "password").chmod(0o644)
    assert "chmod 600 password" in served.refused(3, "user", "add", name, "--password-file", "password", *IN)
    (served.folder / "password").chmod(0o600)
    served.ok("user", "add", name, "--password-file", "password", *IN)
    sign_in = partner["sign_in"] | {"username": name, "password": "first horse 7 battery"}
    assert served.token(DOMAIN, **sign_in).status_code == 200
    made = served.ok("user", "set-password", name, "--generate", *IN).split()[-1]
    secrets += [made, "first horse 7 battery"]
    assert served.token(DOMAIN, **sign_in).json()["error_codes"] == [50126]
    assert served.token(DOMAIN, **sign_in | {"password": made}).status_code == 200


def test_a_second_factor(served, partner, secrets):
    name, password = f"edith@{DOMAIN}", "third horse 9 battery"
    secrets.append(password)
    served.ok("user", "add", name, "--password-stdin", *IN, stdin=password)
    sign_in = partner["sign_in"] | {"username": name, "password": password}
    totp = served.json("user", "totp", "add", name, *IN)
    secrets.append(totp["secret"])
    assert totp["uri"].startswith("otpauth://totp/")
    assert served.token(DOMAIN, **sign_in).json()["error_codes"] == [50076]
    assert "--yes" in served.refused(2, "user", "totp", "reset", name, *IN)
    reset = served.command("user", "totp", "reset", name, "--yes", *IN)
    assert reset.returncode == 0 and f"removed the second factor of {name}" in reset.stderr, reset.stderr
    assert served.token(DOMAIN, **sign_in).status_code == 200


def test_the_signing_key_is_replaced(served, partner, secrets):
    token = access(served, partner, secrets)
    before = served.json("keys", "rotate")["keyIds"]
    assert len(before) == 2
    served.ok("keys", "rotate")
    published = served.session.get(f"{served.url}/common/discovery/v2.0/keys").json()["keys"]
    assert [key["kid"] for key in published][1:] == before
    assert served.datasets(token).status_code == 200
    assert "key.rotate" in served.ok("audit", "--action", "key.rotate")


def test_a_terminal_is_asked(served, partner, secrets):
    """Passwords do not show; what cannot be taken back wants a yes."""
    name, password = f"anna@{DOMAIN}", "second horse 8 battery"
    secrets.append(password)
    asked = {f"Password of {name}: ": password, "The same again: ": password}
    code, screen = served.typed("user", "add", name, *IN, answers=asked, hidden=asked)
    assert code == 0 and name in screen and password not in screen, screen
    assert served.token(DOMAIN, **partner["sign_in"] | {"username": name, "password": password}).status_code == 200
    code, screen = served.typed("user", "set-password", name, *IN, answers=asked | {"The same again: ": "another horse"}, hidden=asked)
    assert code == 1 and "differ" in screen, screen
    code, screen = served.typed("user", "totp", "reset", name, *IN, answers={"Type yes: ": "no"})
    assert code == 1 and "not done" in screen, screen
    domain = "tailspin.example"
    legal = {"legal name": "Tailspin Ltd", "Street and": "Storgata 1", "City": "Oslo", "Postal": "0155", "Country": "Norway"}
    contact = {"first name": "Ann", "last name": "Hill", "work address": f"ann@{domain}"}
    code, screen = served.typed("tenant", "enroll", domain, "--duns-number", "123456789", answers=legal | contact)
    assert code == 0 and "verification code" in screen and "EmailVerification" in screen, screen
    code, screen = served.typed("tenant", "delete", domain, answers={"Type yes: ": "yes"})
    assert code == 0 and f"deleted {domain}" in screen, screen


def test_exit_codes_say_what_kind_of_failure_it_is(served, partner):
    assert "tenant list" in served.refused(2, "user", "list"), "an operator has to name a tenant"
    served.refused(2, "user", "add", f"joan@{DOMAIN}", *IN)  # no terminal to ask on
    served.refused(2, "tenant", "enroll", "fabrikam.example")
    assert "profile" in served.refused(2, "tenant", "list", profile=None)
    served.refused(4, "tenant", "list", profile="nobody")
    served.refused(4, "tenant", "show", "fabrikam.example")
    served.refused(4, "app", "show", "Fabrikam reports", *IN)
    served.refused(4, "user", "disable", "../../x", *IN)
    served.refused(3, "tenant", "list", INSIGHTGATE_CLIENT_SECRET="wrong")
    served.refused(5, "tenant", "list", INSIGHTGATE_AUTHORITY="https://127.0.0.1:9/t", INSIGHTGATE_ENDPOINT="https://127.0.0.1:9")
    served.profiles.chmod(0o644)
    assert "chmod 600" in served.refused(3, "tenant", "list")
    served.profiles.chmod(0o600)


def test_a_partner_that_does_not_hold_is_named(served, partner):
    """What the server finds wrong with a profile reaches the person who typed it."""
    bad = LEGAL | {"primaryContactEmail": "analyst@outlook.com"}
    (served.folder / "bad.json").write_text(json.dumps(bad))
    assert "primaryContactEmail" in served.refused(1, "tenant", "enroll", "fabrikam.example", "--profile-file", "bad.json")
    (served.folder / "bad.json").write_text(json.dumps(LEGAL | {"city": 5}))
    refused = served.refused(1, "tenant", "enroll", "fabrikam.example", "--profile-file", "bad.json")
    assert "'profile.city' should be a string, but holds a number." in refused
    (served.folder / "good.json").write_text(json.dumps(LEGAL | {"primaryContactEmail": "analyst@fabrikam.example"}))
    served.ok("tenant", "enroll", "fabrikam.example", "--profile-file", "good.json")
    assert "Norway" in served.ok("tenant", "reject", "fabrikam.example", "--reason", "Not registered in Norway")
    served.refused(2, "tenant", "delete", "fabrikam.example")
    served.ok("tenant", "delete", "fabrikam.example", "--yes")
    served.refused(4, "tenant", "show", "fabrikam.example")


def test_the_audit_trail_has_each_step(served, partner, secrets):
    served.datasets(access(served, partner, secrets))
    events = served.json("audit", *IN, "--limit", "1000")["value"]
    assert [event["at"] for event in events] == sorted((event["at"] for event in events), reverse=True)
    actions = {event["action"] for event in events}
    families = {action.split(".")[0] for action in actions}
    assert {"tenant", "enrollment", "location", "user", "application", "role", "token"} - families <= {"enrollment", "location"}, actions
    assert {"role.assign", "role.revoke", "token.issue"} <= actions, actions
    only = served.json("audit", "--action", "role.assign", *IN)["value"]
    assert only and {event["action"] for event in only} == {"role.assign"}
    one = events[0]["correlationId"]
    assert all(event["correlationId"] == one for event in served.json("audit", "--correlation-id", one)["value"])
    assert len(served.json("audit", "--limit", "2")["value"]) == 2
    assert "role.assign" in served.ok("audit", *IN)
    text = json.dumps(events)
    assert not [secret for secret in secrets if secret in text]


def test_a_process_list_shows_no_secret(served, partner, secrets):
    """Held while it waits for the password, with the credentials in its hands."""
    command = [served.binary, "user", "set-password", USER, "--password-stdin", *IN]
    environment = served.environment | {"INSIGHTGATE_PROFILE": "operator"}
    with subprocess.Popen(command, cwd=served.folder, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "set-password" in listed
        waiting.stdin.write(PASSWORD)
        waiting.stdin.close()
        served.said.append(waiting.stderr.read())
        assert waiting.wait(60) == 0
    assert not [secret for secret in secrets if secret in listed]


def test_no_log_holds_a_secret(served, partner, secrets):
    """The last one: both sides logged all that they can."""
    log = "".join(served.lines)
    assert len(log) > 10_000, "the server logs nothing"
    said = "".join(served.said)
    assert len(secrets) > 8
    for secret in secrets:
        assert secret not in log
        assert secret not in said


def test_a_demos_ready_file_is_a_profile(demo):
    """Management commands act as the demo's operator."""
    ready = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
    listed = demo.command("tenant", "list", "--profile", str(ready), "--json")
    assert listed.returncode == 0, listed.stderr
    assert demo.ready["tenant_id"] in {tenant["id"] for tenant in json.loads(listed.stdout)["value"]}
    users = demo.command("user", "list", "--profile", str(ready), "--tenant", demo.ready["tenant_domain"])
    assert demo.ready["username"] in users.stdout, users.stderr


def test_a_backup_while_the_server_goes_on(served, partner):
    made = served.json("backup", "--config", "insightgate.toml", "-o", "copy.db", profile=None)
    copy = served.folder / "copy.db"
    assert made == {"file": "copy.db", "bytes": copy.stat().st_size}
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT id FROM tenants WHERE domain = ?", [DOMAIN]).fetchall() == [(partner["tenant"],)]
    assert "is there already" in served.refused(2, "backup", "--config", "insightgate.toml", "-o", "copy.db", profile=None)
    (served.folder / "empty").mkdir()
    (served.folder / "empty" / "insightgate.db").touch()
    assert "it is empty" in served.refused(1, "backup", "--data-dir", "empty", "-o", "other.db", profile=None)
    assert not (served.folder / "other.db").exists()
    assert "there is no data folder" in served.refused(4, "backup", "--data-dir", "nowhere", "-o", "other.db", profile=None)
    copy.unlink()
