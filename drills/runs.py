"""Run control: a run is cancelled by its owner, says how far it is and when to ask again, and a creation that is sent twice makes one report."""

from drill import QUERY, Drill

with Drill(__doc__) as drill:
    drill.step("A server whose next run is held as if it took two hours")
    drill.demo("--no-quotas")
    drill.run("sandbox", "fault", "add", "--kind", "executionRunning", "--for", "PT2H", "--url", drill.url)

    drill.step("The owner orders a report, and asks for it")
    report = drill.order()
    path = f"ScheduledReport/execution/{report}?executionStatus=Running"
    seen = drill.until(lambda: (answer := drill.call("GET", path, quiet=True)).status == 200 and answer, "it is running")
    drill.saw({name: seen.value[0][name] for name in ("executionStatus", "progress")})
    drill.expect("progress" in seen.value[0], "the answer has the progress in percent")
    drill.expect(int(seen.headers["Retry-After"]) > 0, f"Retry-After says when to ask again: {seen.headers['Retry-After']} s")

    drill.step("The owner cancels it")
    run = seen.value[0]["executionId"]
    cancelled = drill.call("DELETE", f"ScheduledReport/execution/{run}")
    drill.expect(cancelled.value[0]["executionStatus"] == "Cancelled", "it is cancelled at once")
    again = drill.call("DELETE", f"ScheduledReport/execution/{run}")
    drill.saw(again.json["message"])
    drill.expect(again.status == 409, "a second time is refused: it is over")

    drill.step("An operator tries it again, and the fault is taken back")
    drill.run("sandbox", "fault", "clear", "--url", drill.url)
    drill.run("execution", "retry", run, "--tenant", drill.ready["tenant_domain"])
    drill.finished(report)

    drill.step("The same creation is sent twice, as after an answer that was lost")
    query = drill.call("POST", "ScheduledQueries", {"Name": "twice", "Description": "d", "Query": QUERY}).value[0]["queryId"]
    body, key = {"ReportName": "twice", "QueryId": query, "ExecuteNow": True}, {"Idempotency-Key": "order-4711"}
    first, second = (drill.call("POST", "ScheduledReport", body, headers=key) for _ in range(2))
    drill.expect(first.status == 200 and first.value[0]["reportId"] == second.value[0]["reportId"], "both answers name one report")
    other = drill.call("POST", "ScheduledReport", body | {"ReportName": "another"}, headers=key)
    drill.saw(other.json["message"])
    drill.expect(400 <= other.status < 500, "the same key with another body is refused")
