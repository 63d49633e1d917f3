"""Usage: who downloaded what, asked through the product itself. Operators see every tenant, administrators their own, and others nothing."""

from urllib.parse import quote

from drill import QUERY, Drill

DOWNLOADS = "SELECT Time, User, Dataset, ReportName, Rows, Bytes, Address FROM AccessLog WHERE Event = 'Download' TIMESPAN LIFETIME"
EVERYTHING = "SELECT TenantId, User, Event, Dataset FROM AccessLog TIMESPAN LIFETIME"

with Drill(__doc__) as drill:
    preview = lambda text, **more: drill.call("GET", f"ScheduledQueries/testQueryResult?exportQuery={quote(text)}", **more)
    drill.step("An analyst tries a query, orders a report and downloads its file")
    drill.demo("--no-quotas", "--clock", "manual")
    drill.expect(preview(QUERY).status == 200, "the query gives rows")
    file = drill.get(drill.link(drill.finished(drill.order())))
    drill.expect(file.status == 200, f"the file has {len(file.body)} bytes")

    drill.step("The analyst asks who downloaded what")
    refused = preview(DOWNLOADS)
    drill.saw(refused.json["message"])
    drill.expect(refused.status == 403, "it is refused: that is for administrators")

    drill.step("The analyst becomes an administrator, and asks again")
    drill.run("role", "assign", drill.ready["username"], "global_admin", "--tenant", drill.ready["tenant_domain"])
    # An event is there within a minute: that minute is over at once here.
    drill.run("sandbox", "clock", "advance", "2m", "--url", drill.url)
    told = lambda: [row for row in preview(DOWNLOADS, quiet=True).value if row["Bytes"] == len(file.body)]
    [row] = drill.until(told, "the download is a row of the access log")
    drill.saw(row)
    drill.expect((row["User"], row["Address"]) == (drill.ready["username"], "127.0.0.1"), "it says who, and from where")

    drill.step("The operator asks, as the application alone")
    operator = {"grant_type": "client_credentials", "username": None, "password": None} | drill.ready["operator"]
    token = drill.token(**operator)
    answer = drill.get(
        f"/insights/v1/cmp/ScheduledQueries/testQueryResult?exportQuery={quote(EVERYTHING)}", headers={"Authorization": f"Bearer {token}"}
    )
    events = {row["Event"] for row in answer.value}
    drill.saw(*answer.value[:2])
    drill.expect({"Preview", "Run", "Link", "Download", "Refused"} <= events, "each kind of event is there, the refusal above too")
