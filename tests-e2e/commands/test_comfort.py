"""What makes a day with the commands easier: progress on a terminal alone, limits of time and tries, Ctrl-C, and warnings of what means nothing."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness.demo import RUN_SECONDS
from harness.desk import Desk

QUERY = "SELECT MPNId, MonthlyActiveUsers FROM OfficeUsage TIMESPAN LAST_MONTH"
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def desk(binary, tmp_path):
    (tmp_path / "home").mkdir()
    return Desk(binary, {}, tmp_path / "home")


@pytest.fixture
def silent():
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        yield {
            "INSIGHTGATE_AUTHORITY": f"http://127.0.0.1:{port}/contoso.example",
            "INSIGHTGATE_CLIENT_ID": "a3f2b1c4-0000-4000-8000-000000000001",
            "INSIGHTGATE_CLIENT_SECRET": "s",
            "INSIGHTGATE_USERNAME": "analyst@contoso.example",
            "INSIGHTGATE_PASSWORD": "p",
        }


def test_progress_is_shown_on_a_terminal_and_nowhere_else(desk):
    demo = ["demo", "--once", "--rows", "60", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    shown = desk.terminal(*demo).until("making rows").until("1. Token")
    assert shown.end() == 0 and not COLOUR.search(shown.text), shown.text
    file = desk.folder / "cars.csv"
    file.write_text("Name,Seats\n" + "".join(f"car {number},{number % 7}\n" for number in range(50_000)))
    tenant = "3f1c0000-0000-4000-8000-000000000000"
    added = ["dataset", "add", "cars.csv", "--name", "Cars", "--tenant", tenant]
    shown = desk.terminal(*added).until("reading the files")
    assert shown.end() == 0 and "Cars: 50000 rows, 2 columns" in shown.text, shown.text
    more = ["dataset", "import", "cars.csv", "--name", "Cars", "--tenant", tenant]
    shown = desk.terminal(*more).until("reading the files")
    assert shown.end() == 0 and "Cars: 50000 rows more" in shown.text, shown.text
    shown = desk.terminal("backup", "-o", "one.db").until("copying the database")
    assert shown.end() == 0 and "bytes to one.db" in shown.text, shown.text

    # In a pipe there is no trace of it.
    again = desk.ok(*demo, "--data-dir", "other")
    assert "making rows" not in again.stderr and "\r" not in again.stderr + again.stdout
    for command in (added + ["--replace"], more, ["backup", "-o", "two.db"]):
        ran = desk.ok(*command)
        assert "reading the files" not in ran.stderr and "copying" not in ran.stderr and "\r" not in ran.stderr, ran.stderr
    file.write_text("Name,Seats\none,1\n")
    assert desk.ok(*more).stdout.startswith("Cars: 1 row more\n")


def test_no_command_waits_longer_than_it_is_told(desk, silent, service, away):
    for command in (["query", "list"], ["check"], ["token"], ["export", QUERY], ["report", "watch", "x"], ["dataset", "list"], ["tenant", "list"], ["login"]):
        told = desk.command(*command, "--timeout", "1s", "--retries", "0", **silent)
        assert told.returncode == 5, (command, told.stderr)
    assert "INSIGHTGATE_TIMEOUT" not in desk.refused(5, "query", "list", INSIGHTGATE_TIMEOUT="1", **silent)
    url = silent["INSIGHTGATE_AUTHORITY"].removesuffix("/contoso.example")
    assert "no demo answers" in desk.refused(5, "sandbox", "clock", "show", "--url", url, "--timeout", "1s")

    for flags in (["--timeout", "0"], ["--timeout", "soon"], ["--retries", "-1"], ["--retries", "x"]):
        for command in (["query", "list"], ["export", QUERY], ["login"], ["report", "run", "x"]):
            assert away.command(*command, *flags).returncode == 2, (command, flags)
    for name, value in (("INSIGHTGATE_TIMEOUT", "0"), ("INSIGHTGATE_RETRIES", "many")):
        assert f"{name} cannot be '{value}'" in away.refused(2, "query", "list", **{name: value})
    assert service.calls == []

    busy = ("GET /insights/v1/mpn/ScheduledDataset", 503, {"Retry-After": "0"}, b"{}")
    service.instead = [busy, busy]
    assert "try again later" in away.refused(5, "dataset", "list", "--retries", "0", INSIGHTGATE_PROFILE="")
    assert len(service.instead) == 1
    away.ok("dataset", "list", "--retries", "1")
    assert service.instead == []
    service.instead = [busy, busy]
    assert away.command("dataset", "list", INSIGHTGATE_RETRIES="1").returncode == 5
    service.instead = []


def test_nobody_is_sent_to_sign_in_where_no_authority_is(desk, silent):
    opened = desk.folder / "opened"
    browser = desk.folder / "browser"
    browser.write_text(f"#!/bin/sh\ntouch '{opened}'\n")
    browser.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/contoso.example"
    gone = silent | {"INSIGHTGATE_AUTHORITY": nobody, "BROWSER": str(browser)}
    for flags in ([], ["--device"]):
        said = desk.refused(5, "login", *flags, **gone)
        assert "cannot reach" in said and "Sign in with" not in said
    assert not opened.exists()


def test_a_signal_ends_a_command_with_the_shells_code(desk, silent):
    for command in (["login", "--no-browser"], ["report", "watch", "x"]):
        desk.environment |= silent
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell shows the same code for a command that the signal ended at once.
            process = subprocess.Popen([desk.binary, *command], env=desk.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
            process.send_signal(number)
            process.communicate(timeout=RUN_SECONDS)
            assert process.returncode in (128 + number, -number), (command, process.returncode)


def test_ctrl_c_ends_a_sign_in_with_130(demo, desk):
    ready = demo.ready
    desk.environment |= {"INSIGHTGATE_AUTHORITY": ready["authority"], "INSIGHTGATE_CLIENT_ID": ready["public_client_id"], "INSIGHTGATE_CA_CERTIFICATE": ready["ca_certificate"]}
    waiting = desk.terminal("login", "--no-browser").until("Sign in with a browser")
    waiting.press(b"\x03")
    assert waiting.end() == 130 and "error: interrupted" in waiting.text


def test_colours_and_variables_that_mean_nothing(desk):
    wrong = desk.terminal("report", "lost")
    assert wrong.end() == 2 and COLOUR.search(wrong.text), wrong.text
    desk.environment["NO_COLOR"] = "1"
    plain = desk.terminal("report", "lost")
    assert plain.end() == 2 and not COLOUR.search(plain.text), plain.text
    help_text = desk.terminal("--help")
    assert help_text.end() == 0 and not COLOUR.search(help_text.text)
    del desk.environment["NO_COLOR"]
    assert not COLOUR.search(desk.command("report", "lost").stderr + desk.ok("--help").stdout), "in a pipe"

    warned = desk.ok("profile", "list", INSIGHTGATE_TIMEOT="5", INSIGHTGATE_ANYTHING="x").stderr
    assert "warning: the variable INSIGHTGATE_TIMEOT means nothing here; is INSIGHTGATE_TIMEOUT meant?" in warned
    assert "INSIGHTGATE_ANYTHING means nothing here; insightgate --help lists" in warned and warned.count("warning: ") == 2


def test_usage_asks_for_nothing_that_is_not_needed(desk):
    for set in ({}, {"INSIGHTGATE_PROFILE": "mine", "INSIGHTGATE_SANDBOX_URL": "http://127.0.0.1:1"}):
        for command in (["report", "watch"], ["query", "show"], ["sandbox", "clock", "set"]):
            said = desk.command(*command, **set)
            assert said.returncode == 2 and "--profile" not in said.stderr and "--url" not in said.stderr, said.stderr


def test_a_profile_of_a_ready_file_manages_too_and_an_incomplete_one_says_what_it_lacks(demo, desk):
    ready = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
    added = desk.ok("profile", "add", "demo", "--from", str(ready))
    assert "it has the file's operator too" in added.stderr
    domain = demo.ready["tenant_domain"]
    for how in ({"INSIGHTGATE_PROFILE": "demo"}, {}):
        flags = [] if how else ["--profile", "demo"]
        assert domain in desk.ok("tenant", "list", *flags, **how).stdout
        assert desk.json("app", "list", "--tenant", domain, *flags, **how)["value"]
        assert "CustomersAndTenants" in desk.ok("dataset", "list", *flags, **how).stdout
    shown = desk.ok("profile", "show", "demo")
    assert demo.ready["operator"]["client_id"] in shown.stdout and demo.ready["operator"]["client_secret"] not in shown.stdout + shown.stderr
    assert desk.json("profile", "show", "demo")["operator"]["client_secret"] == "********"
    desk.ok("profile", "add", "demo", "--from", str(ready), "--replace")
    # Another application of the same file has nothing of the operator's.
    other = desk.ok("profile", "add", "other", "--from", str(ready), "--client-id", demo.ready["public_client_id"], "--public")
    assert "operator" not in other.stderr and "operator" not in desk.json("profile", "show", "other")

    file = desk.folder / "config" / "insightgate" / "profiles.toml"
    file.write_text(file.read_text() + '\n[half]\nauthority = "https://one.example"\nclient_id = ""\n')
    said = desk.ok("profile", "show", "half").stderr
    assert said == "note: the profile half is not complete, so that no command can connect with it: it lacks tenant_id and client_id\n"
    assert "the profile half is not complete" in desk.ok("profile", "list").stderr
    assert desk.json("profile", "show", "half")["missing"] == ["tenant_id", "client_id"]
    assert "the profile lacks client_id" in desk.refused(2, "query", "list", "--profile", "half", INSIGHTGATE_TENANT_ID="t")
