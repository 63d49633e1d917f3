"""`insightgate login` and `logout`: a person signs in by browser or device code, with a second factor too, and commands go on from there."""

import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harness import chromium
from harness.browser import Browser
from harness.person import Person, code


@pytest.fixture
def person(demo, tmp_path):
    return Person(demo, tmp_path)


def signed_in(person, page):
    """Where a browser is sent once the demo's user has signed in at this page, and agreed where that is asked."""
    browser = Browser(person.demo).open(page).sign_in(person.demo.ready["username"], person.demo.ready["password"])
    if browser.leaves is None:
        browser.submit("accept")
    return browser.leaves


def brought_back(address):
    """The page that this machine shows to the browser."""
    return requests.get(address, timeout=60, proxies={"http": ""})


def ended(person):
    """Lets the tokens that are kept be over, as if their hour had passed."""
    file = person.kept()
    kept = json.loads(file.read_text())
    for token in kept["tokens"].values():
        token["expires_at"] = token["received_at"]
    file.write_text(json.dumps(kept))
    return kept


@pytest.mark.parametrize("kind", ["public", "confidential", "named"])
def test_a_browser_signs_in_and_commands_go_on(person, demo, kind):
    ready = demo.ready
    secret = ready["client_secret"] if kind == "confidential" else None
    application = ready["client_id"] if kind == "confidential" else ready["public_client_id"]
    named = ready["username"].upper() if kind == "named" else None
    profile = person.write("mine", client_id=application, client_secret=secret, username=named)
    with person.login("--no-browser", "--json", **profile) as login:
        page = login.line("https://")
        asked = parse_qs(urlsplit(page).query)
        listed = Path(f"/proc/{login.process.pid}/cmdline").read_text()
        assert ready["client_secret"] not in listed + page and "code_verifier" not in listed + page
        assert asked["code_challenge_method"] == ["S256"] and asked["redirect_uri"][0].startswith("http://localhost:")
        shown = brought_back(signed_in(person, page))
        assert shown.status_code == 200 and "You are signed in" in shown.text and "You may close this page" in shown.text
        assert shown.headers["Cache-Control"] == "no-store" and "<script" not in shown.text
        ended_with, stdout, said = login.end()
    assert ended_with == 0 and f"signed in as {ready['username']}; `insightgate logout` ends it" in said
    told = json.loads(stdout)
    assert (told["username"], told["refreshes"], told["secondFactor"]) == (ready["username"], True, False)
    kept = person.kept()
    assert kept.stat().st_mode & 0o777 == 0o600
    for token in json.loads(kept.read_text())["tokens"].values():
        assert token["access_token"] not in stdout + said
    assert person.run("query", "list", "--own", profile=False, **profile).returncode == 0
    before = ended(person)["refresh_token"]
    token = person.ok("token", profile=False, **profile).strip()
    assert demo.call("GET", "ScheduledDataset", token=token).status_code == 200
    assert json.loads(kept.read_text())["refresh_token"] != before, "it was refreshed without a browser"
    assert "signed out" in person.run("logout", profile=False, **profile).stderr
    after = person.run("token", profile=False, **profile)
    if kind == "confidential":
        assert json.loads(person.ok("token", "--json", profile=False, **profile))["secondFactor"] is None, "the application alone"
    else:
        assert after.returncode == 2 and "`insightgate login`" in after.stderr and after.stdout == ""


def test_the_persons_own_program_opens_the_page(person, demo):
    profile = person.write("mine", client_id=demo.ready["public_client_id"])
    opened, program = person.home / "opened", person.home / "browser"
    os.mkfifo(opened)
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    program.chmod(0o700)
    with person.login(BROWSER=str(program), **profile) as login:
        page = opened.read_text()
        assert page == login.line("https://")
        brought_back(signed_in(person, page))
        assert login.end()[0] == 0


def test_only_the_answer_of_this_sign_in_is_taken_and_once(person, demo):
    profile = person.write("mine", client_id=demo.ready["public_client_id"])
    with person.login("--no-browser", **profile) as login:
        page = login.line("https://")
        answer = signed_in(person, page)
        place, _, query = answer.partition("?")
        state = parse_qs(query)["state"][0]
        assert brought_back(f"{place}?code=x&state=other").status_code == 400
        assert brought_back(f"{place}?{query}&state={state}").status_code == 400, "twice"
        assert brought_back(f"{place.rstrip('/')}/favicon.ico").status_code == 404
        assert requests.post(answer, timeout=60, proxies={"http": ""}).status_code == 404
        assert login.process.poll() is None, "it still waits"
        assert brought_back(answer).status_code == 200
        assert login.end()[0] == 0
    with pytest.raises(requests.ConnectionError):
        brought_back(answer)


def test_a_person_who_declines_or_is_another_is_not_signed_in(person, demo):
    profile = person.write("mine", client_id=demo.ready["public_client_id"])
    with person.login("--no-browser", **profile) as login:
        asked = parse_qs(urlsplit(login.line("https://")).query)
        answer = f"{asked['redirect_uri'][0]}/?error=access_denied&error_description=AADSTS65004%3A+declined&state={asked['state'][0]}"
        assert "You are not signed in" in brought_back(answer).text
        ended_with, stdout, said = login.end()
    assert (ended_with, stdout) == (3, "") and "error: AADSTS65004: declined" in said
    other = person.write("other", client_id=demo.ready["public_client_id"], username="somebody.else@contoso.example")
    with person.login("--no-browser", **other) as login:
        browser = Browser(demo).open(login.line("https://"))
        browser.sign_in(demo.ready["username"], demo.ready["password"])
        if browser.leaves is None:
            browser.submit("accept")
        assert "You are not signed in" in brought_back(browser.leaves).text
        ended_with, _, said = login.end()
    assert ended_with == 3 and "the profile is somebody.else@contoso.example" in said and "--choose" in said
    assert not list(person.folder.glob("*.json"))


def test_a_code_of_nobody_and_a_wait_in_vain_end(person, demo):
    profile = person.write("mine", client_id=demo.ready["public_client_id"])
    with person.login("--no-browser", **profile) as login:
        asked = parse_qs(urlsplit(login.line("https://")).query)
        shown = brought_back(f"{asked['redirect_uri'][0]}/?code=n0body&state={asked['state'][0]}")
        assert "You are not signed in" in shown.text and "n0body" not in shown.text
        ended_with, _, said = login.end()
    assert ended_with == 3 and "error: AADSTS" in said
    for flags in (["--no-browser"], ["--device"]):
        ran = person.run("login", *flags, "--timeout", "1", profile=False, **profile)
        assert ran.returncode == 5 and "nobody signed in within 1 second" in ran.stderr, ran.stderr
    assert "does not lead to this machine" in person.refused(2, "login", "--redirect-uri", "https://evil.example", profile=False, **profile)
    alone = person.write("alone", client_id=demo.ready["client_id"], client_secret=demo.ready["client_secret"], program="cmp")
    assert "acts alone" in person.refused(2, "login", profile=False, **alone)


def test_a_device_code_signs_in(person, demo):
    profile = person.write("mine", client_id=demo.ready["public_client_id"])
    with person.login("--device", **profile) as login:
        message = login.line("To sign in")
        words = message.split()
        page, typed = next(word for word in words if word.startswith("https://")), words[words.index("code") + 1]
        browser = Browser(demo).open(page).submit(user_code=typed)
        browser.sign_in(demo.ready["username"], demo.ready["password"]).submit("accept")
        ended_with, stdout, said = login.end()
    assert (ended_with, stdout) == (0, "") and f"signed in as {demo.ready['username']}" in said
    token = person.ok("token", profile=False, **profile).strip()
    assert demo.call("GET", "ScheduledDataset", token=token).status_code == 200


@pytest.fixture(scope="module")
def strict(start, tmp_path_factory):
    """A demo that requires a second factor of everybody, whose clock stands still so that codes do not pass by."""
    with start(tmp_path_factory.mktemp("strict") / "data", "--rows", "60", "--require-mfa", "--clock", "manual") as running:
        yield running


def test_a_second_factor_is_given_in_the_browser(strict, tmp_path):
    person, ready = Person(strict, tmp_path), strict.ready
    refused = person.refused(3, "token")
    assert "AADSTS50079" in refused and "`insightgate login`" in refused
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path / "operator")}
    totp = person.json("user", "totp", "add", ready["username"], "--tenant", ready["tenant_domain"], **elsewhere)
    assert "AADSTS50076" in person.refused(3, "token")
    profile = person.write("mine", client_id=ready["public_client_id"], username=ready["username"])

    def page(address):
        browser = Browser(strict).open(address).sign_in(ready["username"], ready["password"])
        browser.submit("code", code=code(totp["secret"], strict.now().timestamp()))
        if browser.leaves is None:
            browser.submit("accept")
        return browser.leaves

    with person.login("--no-browser", "--json", **profile) as login:
        assert "You are signed in" in brought_back(page(login.line("https://"))).text
        ended_with, stdout, said = login.end()
    assert ended_with == 0 and json.loads(stdout)["secondFactor"] is True, said
    for _ in range(2):
        token = person.json("token", profile=False, **profile)
        assert token["secondFactor"] is True
        assert strict.call("GET", "ScheduledDataset", token=token["accessToken"]).status_code == 200
        ended(person)
    checked = person.json("check", profile=False, **profile)
    assert checked["met"] and checked["prerequisites"][4]["reason"].startswith("with a second factor; it lives 59 minutes")


@pytest.mark.skipif(not chromium.is_there(), reason="chromium and chromium-driver are not installed")
def test_chromium_signs_in_with_a_second_factor(strict, tmp_path):
    person, ready = Person(strict, tmp_path), strict.ready
    made = person.json("user", "add", "eve@contoso.example", "--generate", "--tenant", ready["tenant_domain"])
    totp = person.json("user", "totp", "add", "eve@contoso.example", "--tenant", ready["tenant_domain"])
    person.ok("role", "assign", "eve@contoso.example", "executive_report_viewer", "--tenant", ready["tenant_domain"])
    profile = person.write("mine", client_id=ready["public_client_id"], username="eve@contoso.example")
    with chromium.Chromium(tmp_path / "chromium") as browser, person.login("--no-browser", "--json", **profile) as login:
        browser.open(login.line("https://"))
        # The name stands there already: the profile has it.
        browser.type("password", made["generatedPassword"])
        browser.press("password")
        browser.type("code", code(totp["secret"], strict.now().timestamp()))
        browser.press("code")
        if browser.has("accept"):
            browser.press("accept")
        assert "You are signed in" in browser.text() and browser.address().startswith("http://localhost:")
        ended_with, stdout, said = login.end()
    told = json.loads(stdout)
    assert (ended_with, told["username"], told["secondFactor"]) == (0, "eve@contoso.example", True), said
    assert person.json("check", profile=False, **profile)["met"]
