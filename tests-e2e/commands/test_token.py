"""`insightgate token`: kept for the next command, refreshed once whoever asks, and nobody else's to read."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.demo import RUN_SECONDS
from harness.person import Person

PROCESSES = 6


@pytest.fixture
def person(demo, tmp_path):
    return Person(demo, tmp_path)


def datasets(demo, token):
    return demo.call("GET", "ScheduledDataset", token=token).status_code


def test_a_token_is_kept_for_the_next_command(person, demo):
    token = person.ok("token").strip()
    assert datasets(demo, token) == 200
    before = person.issued()
    told = json.loads(person.ok("token", "--json"))
    assert (told["accessToken"], told["tokenType"], told["secondFactor"]) == (token, "Bearer", False)
    assert told["claims"]["upn"] == demo.ready["username"] and told["resource"] == demo.ready["resource"]
    person.ok("query", "list", "--own")
    assert person.issued() == before, "neither asked for another"
    file = person.kept()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    new = person.ok("token", "--new").strip()
    assert new != token and person.ok("token").strip() == new and person.issued() == before + 1
    # Another resource is another token of its own.
    management = person.ok("token", "--management").strip()
    assert datasets(demo, management) == 401 and person.ok("token").strip() == new


def ended(file):
    """Lets what is kept be over, as if its hour had passed."""
    kept = json.loads(file.read_text())
    for token in kept["tokens"].values():
        token["expires_at"] = token["received_at"]
    file.write_text(json.dumps(kept))
    return kept


def test_several_processes_refresh_one_token_once(person, demo):
    first = person.ok("token").strip()
    refresh = ended(person.kept())["refresh_token"]
    before = person.issued()
    with ThreadPoolExecutor(PROCESSES) as pool:
        tokens = {ran.stdout for ran in pool.map(lambda _: person.run("token"), range(PROCESSES))}
    assert len(tokens) == 1 and first not in tokens.copy().pop()
    assert person.issued() == before + 1
    assert json.loads(person.kept().read_text())["refresh_token"] != refresh


def test_a_file_that_others_can_read_is_refused(person):
    token = person.ok("token").strip()
    person.kept().chmod(0o644)
    said = person.refused(3, "token")
    assert "others may read it\nhint: chmod 600 " in said and token not in said
    person.kept().chmod(0o600)
    person.folder.chmod(0o755)
    assert "others may open it\nhint: chmod 700 " in person.refused(3, "query", "list")
    person.folder.chmod(0o700)
    assert person.ok("token").strip() == token


def test_what_cannot_be_kept_is_used_all_the_same(person, demo):
    (person.home / ".cache").write_text("in the way")
    ran = person.run("token")
    assert ran.returncode == 0 and datasets(demo, ran.stdout.strip()) == 200
    assert ran.stderr.count("note: the token is not kept for the next command") == 1
    # Without a home there is no place, and nothing to say.
    assert person.run("token", HOME="", INSIGHTGATE_LOG="").stderr == ""


def test_a_clock_that_was_set_back_does_not_stretch_a_token(person):
    token = person.ok("token").strip()
    kept = json.loads(person.kept().read_text())
    for one in kept["tokens"].values():
        one["received_at"] += 3600
        one["expires_at"] += 3600
    person.kept().write_text(json.dumps(kept))
    assert person.ok("token").strip() != token


def test_another_password_does_not_go_on_with_the_first_ones_token(person):
    person.ok("token")
    assert "AADSTS50126" in person.refused(3, "token", INSIGHTGATE_PASSWORD="wrong")
    person.ok("token")


def test_the_environment_alone_is_enough_and_no_secret_is_shown(person, demo):
    ready = demo.ready
    environment = {
        "INSIGHTGATE_AUTHORITY": ready["authority"],
        "INSIGHTGATE_CLIENT_ID": ready["client_id"],
        "INSIGHTGATE_CLIENT_SECRET": ready["client_secret"],
        "INSIGHTGATE_USERNAME": ready["username"],
        "INSIGHTGATE_PASSWORD": ready["password"],
        "INSIGHTGATE_CA_CERTIFICATE": ready["ca_certificate"],
    }
    ran = person.run("token", profile=False, **environment)
    token = ran.stdout.strip()
    assert datasets(demo, token) == 200
    refresh = json.loads(person.kept().read_text())["refresh_token"]
    shown = person.run("profile", "show", "--json", profile=False, **environment)
    listed = person.run("query", "list", "--json", profile=False, **environment)
    wrong = person.run("token", "--new", profile=False, **environment | {"INSIGHTGATE_CLIENT_SECRET": "s3cret-that-is-wrong"})
    assert wrong.returncode == 3 and "AADSTS7000215" in wrong.stderr, wrong.stderr
    said = ran.stderr + shown.stdout + shown.stderr + listed.stdout + listed.stderr + wrong.stdout + wrong.stderr
    for secret in (token, refresh, ready["client_secret"], ready["password"], "s3cret-that-is-wrong"):
        assert secret not in said
    assert json.loads(shown.stdout)["client_secret"] == "********"


def test_logout_forgets_what_is_kept(person):
    first = person.ok("token").strip()
    assert "signed out" in person.run("logout").stderr and not list(person.folder.glob("*.json"))
    assert "nobody was signed in" in person.run("logout").stderr
    assert person.ok("token").strip() != first
    assert "forgot the tokens of 1 account\n" == person.run("logout", "--all").stderr


def test_profiles_are_added_shown_and_removed(person, demo):
    ready, file = demo.ready, person.home / ".config" / "insightgate" / "profiles.toml"

    def run(*arguments, stdin="", code=0):
        command = [demo.binary, "profile", *arguments]
        ran = subprocess.run(command, env=person.environment, input=stdin, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        for secret in (ready["client_secret"], ready["password"]):
            assert secret not in ran.stdout + ran.stderr
        return ran

    assert "there are none" in run("list").stderr
    run("add", "demo", "--from", person.profile)
    assert file.stat().st_mode & 0o777 == 0o600
    common = ["--authority", ready["authority"], "--ca-certificate", ready["ca_certificate"]]
    run("add", "desktop", *common, "--client-id", ready["public_client_id"], "--public")
    run("add", "job", *common, "--client-id", ready["client_id"], "--client-secret-stdin", stdin=ready["client_secret"] + "\n")
    assert "--public" in run("add", "other", *common, "--client-id", "x", code=2).stderr
    assert "--replace" in run("add", "job", *common, "--client-id", "x", "--public", code=1).stderr
    assert "no name" in run("add", "a/b", *common, "--client-id", "x", "--public", code=2).stderr
    listed = json.loads(run("list", "--json").stdout)
    assert [one["name"] for one in listed["value"]] == ["demo", "desktop", "job"] and listed["file"] == str(file)
    assert [one.get("client_secret") for one in listed["value"]] == ["********", None, "********"]
    assert run("list").stdout.splitlines()[0].split() == ["USED", "NAME", "AUTHORITY", "PROGRAM", "USER", "APPLICATION"]
    shown = run("show", "demo").stdout
    assert ready["username"] in shown and re.search(r"^client_secret +\*{8}$", shown, re.M)
    assert datasets(demo, person.ok("token", "--profile", "demo", profile=False).strip()) == 200
    assert "--yes" in run("remove", "demo", code=2).stderr
    assert "forgot its tokens" in run("remove", "demo", "--yes").stderr
    assert [one["name"] for one in json.loads(run("list", "--json").stdout)["value"]] == ["desktop", "job"]
    assert "there is no profile demo" in run("remove", "demo", "--yes", code=4).stderr
