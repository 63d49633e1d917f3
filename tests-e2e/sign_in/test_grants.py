"""What a grant costs a Postgres, counted by the database itself."""

import re

import pytest

from harness.deployment import DOMAIN, RESOURCE, SECONDS, Deployment
from harness.postgres import Postgres

# Fewer than those of one minute that are recorded one by one.
GRANTS = 40


@pytest.fixture
def grants(binary, tmp_path):
    """A function that asks for one token, and one that says what the database was asked since it was last called."""
    with Postgres("fsync=off", "log_statement=all") as postgres, Deployment(binary, tmp_path, postgres.make("grants"), 1) as deployment:
        deployment.partner()
        for step in (("permission", "add"), ("consent", "grant")):
            deployment.command("app", *step, "Reports", "Management.ReadWrite.All", "--tenant", DOMAIN)

        def grant(resource):
            form = {"grant_type": "client_credentials", "resource": resource} | deployment.form
            answer = deployment.session.post(f"{deployment.first.url}/{DOMAIN}/oauth2/token", data=form, timeout=SECONDS)
            assert answer.status_code == 200, answer.text

        yield grant, postgres.asked


@pytest.mark.parametrize("resource", [RESOURCE, "api://insightgate/manage"])
def test_a_warm_grant_of_an_application_makes_three_statements_at_most_and_waits_for_no_lock(grants, resource):
    grant, asked = grants
    grant(resource)
    asked()
    for _ in range(GRANTS):
        grant(resource)
    statements = asked()
    # What the server does beside them is counted too.
    assert len(statements) <= 3 * GRANTS, statements
    assert sum("INSERT INTO audit_events" in statement for statement in statements) == GRANTS
    versions = sum("FROM settings WHERE name" in statement for statement in statements)
    assert versions <= GRANTS + 3, "the version of the identities is read once"
    locks = [statement for statement in statements if re.search(r"advisory|FOR (NO KEY )?(UPDATE|SHARE)|LOCK TABLE", statement)]
    assert not [lock for lock in locks if "SKIP LOCKED" not in lock], locks
