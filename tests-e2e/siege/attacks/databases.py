"""A Postgres that has no connection left, holds a table locked, or ends connections all the time."""

import secrets
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import requests

from harness.postgres import Postgres

from .. import rows
from ..attackers import Attackers, in_threads
from ..honest import SIGN_INS
from ..server import Server, written
from ..wire import Session, take_all
from .queries import call, told, token_of

PLACES = 30
AT_ONCE = 40
# Connections that are not the attacker's.
OTHERS = "datname = 'siege' AND application_name <> 'siege'"
# A start that cannot reach its database ends in so long.
START_SECONDS = 10


@contextmanager
def on_postgres(siege, name):
    """A server whose database is a throwaway Postgres of few places; started."""
    with Postgres(f"max_connections={PLACES}", "superuser_reserved_connections=0", "fsync=off") as postgres:
        url = postgres.make("siege")
        environment = {"INSIGHTGATE_ENCRYPTION_KEY": secrets.token_hex(32)}
        siege.site.count += 1
        folder = siege.site.folder / f"{name}-{siege.site.count}"
        with Server(siege.site.binary, folder, environment, data_database_url=url) as server:
            server.prepare()
            server.start()
            server.take_in()
            rows.sales(server, "honest")
            counted = lambda: count_rows(postgres)
            server.rows = counted
            yield postgres, server


def count_rows(postgres):
    """By a session of its own where one is free, else nothing."""
    try:
        session = Session(postgres.port, "siege")
    except Exception:
        return {}
    names = [name for (name,) in session.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    counted = {name: int(session.sql(f'SELECT COUNT(*) FROM "{name}"')[0][0]) for name in names}
    session.close()
    return counted


# 20: no free connection, a locked table


def no_connection(siege):
    with on_postgres(siege, "places") as (postgres, server):
        token = token_of(server)
        with siege.under_attack("no free connection", server) as outcome:
            held = take_all(postgres.port, "siege")
            own = PLACES - len(held)
            attackers = Attackers(ask_reports, 1, siege.seconds, server.http, token, AT_ONCE)
            start_beside(outcome, server)
            while attackers.go_on() and server.is_alive():
                server.memory.over.wait(0.1)
                # Whatever became free is taken at once.
                held += take_all(postgres.port, "siege")
            counts = attackers.end()
            outcome.sent = f"{len(held)} of {PLACES} places held, {own} the server's own, and {AT_ONCE} requests at once"
            outcome.notes.append(told(counts))
        for session in held:
            session.close()
    return outcome


def start_beside(outcome, server):
    """A second process finds no place: it ends soon, and says why."""
    second = Server(Path(server.binary), server.folder / "second", {"INSIGHTGATE_ENCRYPTION_KEY": server.environment["INSIGHTGATE_ENCRYPTION_KEY"]})
    second.environment["INSIGHTGATE_DATA_DATABASE_URL"] = server.environment["INSIGHTGATE_DATA_DATABASE_URL"]
    (second.folder / "insightgate.toml").write_text("")
    start = time.monotonic()
    second.start(wait=False)
    try:
        second.process.wait(START_SECONDS)
        outcome.notes.append(f"a start beside it ended after {time.monotonic() - start:.1f} s")
        outcome.expect("too many" in second.last_words() or "connection slots" in second.last_words(), "a start does not say that there is no place")
    except Exception:
        outcome.expect(second.is_ready(), f"a start has not ended after {START_SECONDS} s")
    finally:
        second.kill()
        second.memory.end()


def ask_reports(until, counts, number, base, token, threads):
    """Requests that need the database, so many at once."""

    def ask_on(_):
        while time.monotonic() < until:
            try:
                answer = call(base, token, "GET", "ScheduledReport", timeout=max(0.5, until - time.monotonic()))
                counts[f"status {answer.status_code}"] += 1
                time.sleep(0.05)
            except requests.RequestException as error:
                counts[type(error).__name__] += 1

    in_threads(ask_on, threads, until)


def locked_table(siege):
    with on_postgres(siege, "locked") as (postgres, server):
        token = token_of(server)
        with siege.under_attack("locked table", server, SIGN_INS) as outcome:
            session = Session(postgres.port, "siege")
            session.sql("BEGIN")
            session.sql("LOCK TABLE scheduled_reports, executions IN ACCESS EXCLUSIVE MODE")
            # Longer than the honest caller's patience.
            attackers = Attackers(ask_reports, 1, max(siege.seconds, 7), server.http, token, AT_ONCE)
            counts = siege.wait_out(attackers, server)
            session.close()
            outcome.sent = f"two tables locked, {AT_ONCE} requests at once that need them"
            outcome.notes.append(told(counts))
    return outcome


# 21: connections that are ended while users are added

KILL_SECONDS = 0.15


def killed_connections(siege):
    with on_postgres(siege, "killed") as (postgres, server):
        operator = server.people["operator"]
        token = operator_token(server, operator)
        tenant = server.people["attacker"]["tenant"]
        over, kills, statuses, number = threading.Event(), [0], {}, [0]
        before = count_rows(postgres)
        with siege.under_attack("killed connections", server, ("token", "datasets", "preview", "datasets")) as outcome:

            def kill_on():
                session = Session(postgres.port, "siege")
                while not over.wait(KILL_SECONDS):
                    ended = session.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
                    kills[0] += len(ended)
                session.close()

            def add_on(thread):
                place = 0
                while not over.is_set():
                    place += 1
                    number[0] += 1
                    body = {"username": f"user{thread}-{place}@fabrikam.example", "displayName": "x", "password": "correct horse 7 battery"}
                    url = f"{server.http}/manage/v1/tenants/{tenant}/users"
                    try:
                        answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)
                        status = str(answer.status_code)
                    except requests.RequestException as error:
                        status = type(error).__name__
                    statuses[status] = statuses.get(status, 0) + 1

            threads = [threading.Thread(target=kill_on), *(threading.Thread(target=add_on, args=(thread,)) for thread in range(4))]
            for thread in threads:
                thread.start()
            server.memory.over.wait(siege.seconds)
            over.set()
            for thread in threads:
                thread.join(40)
            outcome.sent = f"{kills[0]} connections ended, {number[0]} users added meanwhile"
        users, events = counts_of(postgres, "SELECT COUNT(*) FROM users"), counts_of(postgres, "SELECT COUNT(*) FROM audit_events WHERE action = 'user.add'")
        outcome.rows = written(before, count_rows(postgres))
        outcome.notes.append(f"{users} users, {events} events; answers {statuses}")
        outcome.expect(users == events, f"{users} users and {events} events that say so")
        outcome.expect(statuses.get("201", 0) >= 5, f"hardly a user was added: {statuses}")
    return outcome


def counts_of(postgres, statement):
    return int(postgres.sql(statement, "siege")[0])


def operator_token(server, operator):
    form = {"grant_type": "client_credentials", "scope": "api://insightgate/manage/.default"}
    form |= {name: operator[name] for name in ("client_id", "client_secret")}
    answer = requests.post(f"{server.http}/operators.internal/oauth2/v2.0/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]
