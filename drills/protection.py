"""The threat model: what a stranger, a guest of another organisation, somebody who lost a role and somebody at the disk try, and what they get."""

import json
import stat

from drill import PROFILE, Drill

OTHER = "fabrikam.example"
USER = PROFILE["primaryContactEmail"]
PASSWORD = "correct horse 7 battery"


def another_organisation(drill):
    """What an operator does for a second partner; what its user needs for a token."""
    (drill.folder / "profile.json").write_text(json.dumps(PROFILE))
    within = ("--tenant", OTHER)
    enrolled = drill.json("tenant", "enroll", OTHER, "--profile-file", "profile.json", "--global-account-id", "1001235")
    drill.run("tenant", "verify", OTHER, "--code", enrolled["verificationCode"])
    drill.run("tenant", "activate", OTHER)
    drill.run("user", "add", USER, "--display-name", "Ana", "--password-stdin", *within, stdin=f"{PASSWORD}\n")
    drill.run("role", "assign", USER, "executive_report_viewer", *within)
    application = drill.json("app", "register", "Reports", *within)
    secret = drill.json("app", "secret", "add", "Reports", "--description", "drill", *within)
    drill.run("app", "permission", "add", "Reports", "user_impersonation", *within)
    drill.run("app", "consent", "grant", "Reports", "user_impersonation", *within)
    return enrolled["id"], {"client_id": application["id"], "client_secret": secret["secret"], "username": USER, "password": PASSWORD}


def reachable(path):
    """What other users of the machine may read: everything above it lets them through."""
    mode = stat.S_IMODE(path.lstat().st_mode)
    if path.is_dir():
        return [file for each in path.iterdir() for file in reachable(each)] if mode & 0o011 else []
    return [path] if mode & 0o044 else []


with Drill(__doc__) as drill:
    drill.step("A server with a report")
    server = drill.demo("--no-quotas")
    mine, secrets = drill.token(), [drill.ready["client_secret"], drill.ready["password"], drill.ready["operator"]["client_secret"]]
    report = drill.order()
    execution = drill.finished(report)
    link = drill.link(execution)
    rows = drill.get(link)
    drill.expect(rows.status == 200, "its owner's link opens the file")

    drill.step("A stranger")
    drill.expect(drill.call("GET", "ScheduledDataset", token="").status == 401, "without a token there is nothing")
    head, body, signature = mine.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    drill.expect(drill.call("GET", "ScheduledDataset", token=forged).status == 401, "nor with a token whose signature is another one")
    drill.expect(drill.get(link[:-4] + "AAAA").status == 403, "nor with a link that was changed")
    known, unknown = (drill.ask_token(username=f"{name}@contoso.example", password="guess") for name in ("analyst", "nobody"))
    drill.saw(known.json["error_description"])
    same = [(answer.status, answer.json["error_codes"]) for answer in (known, unknown)]
    drill.expect(same[0] == same[1], "a wrong password of somebody looks like one of nobody")

    drill.step("A user of another organisation")
    tenant, form = another_organisation(drill)
    own, drill.ready = drill.ready, drill.ready | form | {"tenant_id": tenant}
    theirs = drill.token()
    drill.ready = own
    for method, path in [
        ("GET", f"ScheduledReport?reportId={report}"),
        ("GET", f"ScheduledReport/execution/{report}"),
        ("DELETE", f"ScheduledReport/{report}"),
        ("DELETE", f"ScheduledReport/execution/{execution['executionId']}"),
    ]:
        drill.expect(drill.call(method, path, token=theirs).status == 404, "the report looks as if it were not there")
    preview = "ScheduledQueries/testQueryResult?exportQuery=SELECT%20CustomerName%20FROM%20CustomersAndTenants%20TIMESPAN%20LIFETIME"
    drill.expect(drill.call("GET", preview, token=theirs).value == [], "the same query gives no row of the first organisation")
    manages = drill.get(f"/manage/v1/tenants/{own['tenant_id']}/users", headers={"Authorization": f"Bearer {theirs}"})
    drill.expect(manages.status in (401, 403), "a token for data manages nothing")

    drill.step("Somebody who names the server's own network as a receiver")
    query = drill.call("GET", f"ScheduledReport?reportId={report}").value[0]["queryId"]
    body = {"ReportName": "drill", "QueryId": query, "ExecuteNow": True}
    for address in ("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data"):
        refused = drill.call("POST", "ScheduledReport", body | {"CallbackUrl": address})
        drill.saw(refused.json["message"])
        drill.expect(refused.status == 400, "it is refused")

    drill.step("The owner loses the role")
    role = ("role", "revoke", own["username"], "executive_report_viewer", "--tenant", own["tenant_domain"])
    drill.run(*role)
    drill.expect(drill.get(link).status == 403, "the link, which has not expired, opens the file no more")
    drill.expect(drill.call("GET", "ScheduledDataset", token=mine).status == 403, "nor is the token, which has not ended, good for anything")

    drill.step("Somebody at the disk")
    drill.end(server)
    open_to_others = reachable(drill.folder / "data")
    drill.saw(*open_to_others)
    drill.expect(not open_to_others, "other users of the machine reach nothing in the data folder")
    stored = b"".join(path.read_bytes() for path in drill.folder.glob("data/insightgate.db*"))
    told = drill.log().encode()
    for secret in [*secrets, form["client_secret"], PASSWORD, mine, theirs]:
        drill.expect(secret.encode() not in stored, "a secret or token is not in the database as it was said")
    drill.expect(not any(secret.encode() in told for secret in (mine, theirs, PASSWORD, form["client_secret"])), "nor in the log")
