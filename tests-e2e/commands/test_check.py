"""`insightgate check`: each prerequisite, and each way in which it can be missing."""

import http.server
import json
import shlex
import threading
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from harness.deployment import LEGAL
from harness.person import Person

STEPS = ["enrollment", "application", "permission", "role", "token", "firstCall"]
LETTERS = {"met": "m", "notMet": "n", "unknown": "u"}


@pytest.fixture(scope="module")
def own(start, tmp_path_factory):
    """A demo whose organisation is changed and put right again."""
    with start(tmp_path_factory.mktemp("check") / "data", "--rows", "60", "--clock", "manual") as running:
        yield running


@pytest.fixture
def person(own, tmp_path):
    return Person(own, tmp_path)


def check(person, code, profile=True, **environment):
    """The letters of the states, the findings by their ids, and what is missing."""
    ran = person.run("check", "--json", profile=profile, **environment)
    assert ran.returncode == code, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert [one["id"] for one in told["prerequisites"]] == STEPS and told["met"] == (code == 0)
    for secret in ("client_secret", "password"):
        assert person.demo.ready[secret] not in ran.stdout + ran.stderr
    letters = "".join(LETTERS[one["state"]] for one in told["prerequisites"])
    return letters, {one["id"]: one for one in told["prerequisites"]}, told


def missing(person, expected, step, reason, mend, **more):
    letters, found, _ = check(person, 3, **more)
    assert letters == expected, found
    assert found[step]["state"] == "notMet" and reason in found[step]["reason"] and mend in found[step]["mend"], found[step]


def command(person, *arguments):
    return person.json(*arguments, "--tenant", person.demo.ready["tenant_domain"])


def test_all_are_met(person, own):
    letters, found, told = check(person, 0)
    assert letters == "mmmmmm" and "datasets" in found["firstCall"]["reason"]
    assert "it lives 59 minutes" in found["token"]["reason"] and "which ends on" in found["application"]["reason"]
    (note,) = told["notes"]
    assert "1 April 2026" in note and "`insightgate login" in note
    assert (told["username"], told["clientId"], told["program"]) == (own.ready["username"], own.ready["client_id"], "mpn")
    shown = person.run("check")
    lines = shown.stdout.splitlines()
    assert shown.returncode == 0 and lines[0].split() == ["PREREQUISITE", "STATE", "WHY"] and len(lines) == 7
    assert lines[1].startswith("enrolled and active") and "note: " in shown.stderr


def test_enrollment(person, own):
    domain = own.ready["tenant_domain"]
    missing(person, "nuuuuu", "enrollment", "AADSTS90002", "authority", INSIGHTGATE_AUTHORITY=own.ready["https"] + "/nobody.example")
    person.ok("tenant", "suspend", domain, "--reason", "x")
    try:
        letters, found, _ = check(person, 3)
        assert letters[0] == "n" and "enrollment" in found["enrollment"]["reason"], found
        assert "`insightgate tenant reactivate " in found["enrollment"]["mend"]
    finally:
        person.ok("tenant", "reactivate", domain)
    assert check(person, 0)[0] == "mmmmmm"


def test_an_organisation_that_was_not_accepted_yet(person, own, tmp_path):
    (tmp_path / "fabrikam.json").write_text(json.dumps(LEGAL | {"primaryContactEmail": "ada@fabrikam.example"}))
    enrolled = person.json("tenant", "enroll", "fabrikam.example", "--profile-file", str(tmp_path / "fabrikam.json"))
    within = ("--tenant", "fabrikam.example")
    added = person.json("user", "add", "ada@fabrikam.example", "--generate", *within)
    application = person.json("app", "register", "Reports", *within)["id"]
    secret = person.json("app", "secret", "add", "Reports", *within)["secret"]
    environment = {
        "INSIGHTGATE_AUTHORITY": f"{own.ready['https']}/fabrikam.example",
        "INSIGHTGATE_CLIENT_ID": application,
        "INSIGHTGATE_CLIENT_SECRET": secret,
        "INSIGHTGATE_USERNAME": "ada@fabrikam.example",
        "INSIGHTGATE_PASSWORD": added["generatedPassword"],
        "INSIGHTGATE_CA_CERTIFICATE": own.ready["ca_certificate"],
    }
    alone = {"profile": False} | environment
    missing(person, "umnuuu", "permission", "AADSTS650057", f"`insightgate app permission add {application} user_impersonation --tenant ", **alone)
    person.ok("app", "permission", "add", "Reports", "user_impersonation", *within)
    missing(person, "umnuuu", "permission", "AADSTS65001", f"`insightgate app consent grant {application} user_impersonation --tenant ", **alone)
    person.ok("app", "consent", "grant", "Reports", "user_impersonation", *within)
    missing(person, "nmmumu", "enrollment", "not Accepted", "`insightgate tenant show fabrikam.example`", **alone)
    person.ok("tenant", "verify", "fabrikam.example", "--code", enrolled["verificationCode"])
    person.ok("tenant", "activate", "fabrikam.example")
    missing(person, "mmmnmu", "role", "Executive report viewer", "`insightgate role assign ada@fabrikam.example executive_report_viewer --tenant ", **alone)
    person.ok("role", "assign", "ada@fabrikam.example", "report_viewer", *within)
    missing(person, "mmmnmu", "role", "Report viewer opens no data here", "`insightgate role assign", **alone)
    person.ok("role", "assign", "ada@fabrikam.example", "executive_report_viewer", *within)
    assert check(person, 0, **alone)[0] == "mmmmmm"
    market = alone | {"INSIGHTGATE_PROGRAM": "cmp"}
    missing(person, "nmmumu", "enrollment", "not enrolled", "`insightgate tenant enroll fabrikam.example --program cmp`", **market)


def test_application_and_secret(person, own):
    ready = own.ready
    nobody = str(uuid.uuid4())
    missing(person, "unuuuu", "application", "AADSTS700016", "`insightgate app list --tenant ", INSIGHTGATE_CLIENT_ID=nobody)
    renewed = f"`insightgate app secret add {ready['client_id']} --tenant {ready['tenant_id']} --profile "
    missing(person, "unuuuu", "application", "AADSTS7000215", renewed, INSIGHTGATE_CLIENT_SECRET="wrong")
    public = {"INSIGHTGATE_CLIENT_ID": ready["public_client_id"]}
    missing(person, "unuuuu", "application", "AADSTS700025", "remove client_secret", **public)
    profile = person.write("lacking", client_id=ready["client_id"], username=ready["username"], password=ready["password"])
    missing(person, "unuuuu", "application", "AADSTS7000218", "INSIGHTGATE_CLIENT_SECRET", profile=False, **profile)

    app = f"{ready['https']}/manage/v1/tenants/{ready['tenant_id']}/applications/{ready['client_id']}"
    bearer = {"Authorization": f"Bearer {person.ok('token', '--management').strip()}"}
    assert own.session.patch(app, json={"enabled": False}, headers=bearer).status_code == 200
    try:
        missing(person, "unuuuu", "application", "AADSTS7000112", "has to enable the application")
    finally:
        assert own.session.patch(app, json={"enabled": True}, headers=bearer).status_code == 200
    assert check(person, 0)[0] == "mmmmmm"


def test_a_secret_that_ends_soon_and_has_ended(person, own):
    secret = command(person, "app", "secret", "add", own.ready["client_id"], "--days", "2")
    # A ready file has an operator, who can look at the secrets.
    other = person.home / "ready.json"
    other.write_text(json.dumps(own.ready | {"client_secret": secret["secret"]}))
    other.chmod(0o600)
    person.profile = str(other)
    notes = check(person, 0)[2]["notes"]
    assert any(note.startswith("the secret ends ") and "`insightgate app secret add" in note for note in notes), notes
    own.advance(timedelta(days=3))
    missing(person, "unuuuu", "application", "AADSTS7000222", "`insightgate app secret add")
    revoked = command(person, "app", "secret", "add", own.ready["client_id"])
    person.ok("app", "secret", "revoke", own.ready["client_id"], revoked["id"], "--yes", "--tenant", own.ready["tenant_domain"])
    missing(person, "unuuuu", "application", "AADSTS7000215", "`insightgate app secret add", INSIGHTGATE_CLIENT_SECRET=revoked["secret"])


def test_permission_and_consent(person, own):
    app, domain = own.ready["client_id"], own.ready["tenant_domain"]
    person.ok("app", "consent", "revoke", app, "user_impersonation", "--tenant", domain)
    missing(person, "umnuuu", "permission", "AADSTS65001", f"`insightgate app consent grant {app} user_impersonation --tenant ")
    person.ok("app", "permission", "remove", app, "user_impersonation", "--tenant", domain)
    missing(person, "umnuuu", "permission", "AADSTS650057", f"`insightgate app permission add {app} user_impersonation --tenant ")
    person.ok("app", "permission", "add", app, "user_impersonation", "--tenant", domain)
    person.ok("app", "consent", "grant", app, "user_impersonation", "--tenant", domain)
    assert check(person, 0)[0] == "mmmmmm"
    missing(person, "umnuuu", "permission", "AADSTS500011", "INSIGHTGATE_RESOURCE", INSIGHTGATE_RESOURCE="https://other.example")


def test_role(person, own):
    user, within = own.ready["username"], ("--tenant", own.ready["tenant_domain"])
    mend = f"`insightgate role assign {user} executive_report_viewer --tenant "
    person.ok("role", "revoke", user, "executive_report_viewer", *within)
    try:
        missing(person, "mmmnmu", "role", "lacks the role", mend)
        person.ok("role", "assign", user, "no_permission", *within)
        missing(person, "mmmnmu", "role", "No permission", mend)
        person.ok("role", "revoke", user, "no_permission", *within)
    finally:
        person.ok("role", "assign", user, "executive_report_viewer", *within)
    assert check(person, 0)[0] == "mmmmmm"


def test_what_is_printed_can_be_typed(person, own):
    """A command of the hint, as it stands, mends what is missing."""
    app, user, within = own.ready["client_id"], own.ready["username"], ("--tenant", own.ready["tenant_domain"])

    def mended(step):
        found = check(person, 3)[1][step]
        for command in found["mend"].split("`")[1::2]:
            words = shlex.split(command)
            if words[1:2] != ["login"]:
                ran = person.run(*words[1:], profile=False)
                assert words[0] == "insightgate" and ran.returncode == 0, (command, ran.stderr)
        assert check(person, 0)[0] == "mmmmmm"

    person.ok("app", "consent", "revoke", app, "user_impersonation", *within)
    mended("permission")
    person.ok("app", "consent", "revoke", app, "user_impersonation", *within)
    person.ok("app", "permission", "remove", app, "user_impersonation", *within)
    mended("permission")
    person.ok("role", "revoke", user, "executive_report_viewer", *within)
    mended("role")
    person.ok("user", "disable", user, *within)
    mended("token")


def test_token_and_second_factor(person, own):
    ready = own.ready
    user, within = ready["username"], ("--tenant", ready["tenant_domain"])
    missing(person, "umuunu", "token", "AADSTS50126", f"`insightgate user set-password {user} --tenant ", INSIGHTGATE_PASSWORD="wrong")
    alone = person.write("alone", client_id=ready["client_id"], client_secret=ready["client_secret"])
    missing(person, "mmmunu", "token", "for an application alone", "INSIGHTGATE_USERNAME", profile=False, **alone)
    nobody = person.write("nobody", client_id=ready["public_client_id"])
    missing(person, "uuuunu", "token", "nobody is signed in", "`insightgate login --device", profile=False, **nobody)
    without = person.write("without", client_id=ready["client_id"], client_secret=ready["client_secret"], username=user)
    missing(person, "uuuunu", "token", "nobody is signed in", "`insightgate login", profile=False, **without)

    person.ok("user", "disable", user, *within)
    try:
        missing(person, "umuunu", "token", "AADSTS50057", f"`insightgate user enable {user} --tenant ")
    finally:
        person.ok("user", "enable", user, *within)
    other = command(person, "user", "add", "bob@contoso.example", "--generate", "--must-change-password")
    as_bob = {"INSIGHTGATE_USERNAME": "bob@contoso.example", "INSIGHTGATE_PASSWORD": other["generatedPassword"]}
    missing(person, "umuunu", "token", "AADSTS50055", "`insightgate login", **as_bob)
    again = command(person, "user", "set-password", "bob@contoso.example", "--generate")
    as_bob |= {"INSIGHTGATE_PASSWORD": again["generatedPassword"]}
    person.ok("user", "totp", "add", "bob@contoso.example", *within)
    missing(person, "umuunu", "token", "AADSTS50076", "`insightgate login", **as_bob)
    for number in range(10):
        own.ask_token(username="bob@contoso.example", password=f"wrong {number}")
    missing(person, "umuunu", "token", "AADSTS50053", "wait", **as_bob)


def test_a_second_factor_that_is_required(start, tmp_path):
    with start(tmp_path / "data", "--rows", "60", "--require-mfa") as strict:
        missing(Person(strict, tmp_path), "umuunu", "token", "AADSTS50079", "`insightgate login --device")


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body, ahead = self.server.answer
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(timezone.utc) + ahead, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def answering(status, kind, body, ahead=timedelta()):
    """Somebody else's server, at an address of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.answer = (status, kind, body, ahead)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


DATASETS = b'\xef\xbb\xbf{"Value": [{"DatasetName": "Sales"}], "TotalCount": 1, "Message": "ok", "StatusCode": 200}'


def test_first_call(person, own):
    with answering(404, "application/json", b'{"message": "no"}') as elsewhere:
        missing(person, "ummumn", "firstCall", "nothing is at", "INSIGHTGATE_ENDPOINT", INSIGHTGATE_ENDPOINT=elsewhere)
    with answering(401, "application/json", b'{"value": [], "statusCode": 401, "code": 900421}') as service:
        missing(person, "ummunu", "token", "900421", "`insightgate login", INSIGHTGATE_ENDPOINT=service)
    with answering(200, "application/json", DATASETS, timedelta(hours=-1)) as service:
        letters, found, told = check(person, 0, INSIGHTGATE_ENDPOINT=service)
        assert letters == "mmmmmm" and found["firstCall"]["reason"] == "1 dataset"
        assert any("clock is 1 hour ahead" in note or "clock is 59 minutes ahead" in note for note in told["notes"]), told["notes"]
    with answering(200, "text/html", b"<html>Sign in to the hotel's network") as portal:
        letters, found, told = check(person, 5, INSIGHTGATE_ENDPOINT=portal)
        assert letters == "ummumu" and "it is a web page" in found["firstCall"]["reason"]


def test_a_token_of_another_server(person, start, tmp_path):
    with start(tmp_path / "data", "--rows", "60", "--seed", "2") as other:
        # Each trusts its own certificate.
        both = tmp_path / "both.pem"
        both.write_text("".join(Path(demo.ready["ca_certificate"]).read_text() for demo in (person.demo, other)))
        environment = {"INSIGHTGATE_ENDPOINT": other.ready["https"], "INSIGHTGATE_CA_CERTIFICATE": str(both)}
        missing(person, "ummunu", "token", "the API does not accept it", "`insightgate profile show", **environment)


def test_what_cannot_be_reached(person, own, tmp_path):
    letters, _, _ = check(person, 5, INSIGHTGATE_AUTHORITY="http://127.0.0.1:9/t")
    assert letters[4:] == "uu"
    letters, found, _ = check(person, 5, INSIGHTGATE_ENDPOINT="https://127.0.0.1:9")
    assert letters == "ummumu" and "cannot reach" in found["firstCall"]["reason"]
    ready = own.ready
    keys = {name: ready[name] for name in ("client_id", "client_secret", "username", "password")}
    untrusted = person.write("untrusted", **keys | {"ca_certificate": None})
    ran = person.run("check", profile=False, **untrusted)
    assert ran.returncode == 5 and "certificate" in ran.stderr and "INSIGHTGATE_CA_CERTIFICATE" in ran.stderr, ran.stderr
