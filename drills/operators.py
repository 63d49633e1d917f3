"""Operators see and act: what waits and why, holding an organisation's runs back, cancelling, trying again; users from a file; the audit trail as a file."""

import json

from drill import QUERY, Drill

with Drill(__doc__) as drill:
    drill.step("An organisation whose runs are held back")
    drill.demo("--no-quotas")
    tenant = drill.ready["tenant_domain"]
    within = ("--tenant", tenant)
    drill.run("tenant", "pause-runs", tenant, "--reason", "The lake moves")
    report = drill.json("report", "create", "--name", "Held", "--now", QUERY)["reportId"]
    [held] = drill.json("execution", "list", *within, "--report", report)["value"]
    drill.saw({name: held[name] for name in ("status", "waitsFor", "waitingSeconds")})
    drill.expect(held["status"] == "Pending" and "paused" in held["waitsFor"], "the list says that it waits, for how long, and for what")

    drill.step("Cancelled, tried again, and let go")
    drill.run("execution", "cancel", held["id"], *within)
    [ended] = drill.json("execution", "list", *within, "--status", "cancelled")["value"]
    drill.saw(ended["failureReason"])
    drill.expect(ended["id"] == held["id"] and "operator" in ended["failureReason"], "its owner reads who ended it")
    drill.run("execution", "retry", held["id"], *within)
    drill.run("tenant", "resume-runs", tenant)
    show = ("execution", "show", held["id"], *within)
    done = drill.until(lambda: (seen := drill.json(*show, quiet=True))["status"] == "Completed" and seen, "it ran")
    drill.saw({name: done[name] for name in ("status", "attempts", "rowCount", "byteCount", "runningSeconds")})

    drill.step("Limits of the organisation")
    drill.run("tenant", "limits", tenant, "--active-reports", "7")
    drill.saw(drill.run("tenant", "limits", tenant).stdout)

    drill.step("Users from a file, and one of them removed")
    people = drill.folder / "people.csv"
    people.write_text(f"username,displayName,role\nada@{tenant},Ada,report_viewer\nbob@{tenant},Bob,report_viewer\n")
    tried = drill.json("user", "import", "people.csv", "--generate", "--dry-run", *within)["value"]
    drill.expect([row["outcome"] for row in tried] == ["would be added"] * 2, "a dry run changes nothing")
    added = drill.json("user", "import", "people.csv", "--generate", *within)["value"]
    drill.expect([row["outcome"] for row in added] == ["added"] * 2, "both are added")
    again = drill.json("user", "import", "people.csv", "--generate", *within)["value"]
    drill.expect([row["outcome"] for row in again] == ["unchanged"] * 2, "the file may be given again")
    drill.run("user", "delete", f"bob@{tenant}", "--yes", *within)
    names = [user["username"] for user in drill.json("user", "list", *within)["value"]]
    drill.expect(f"ada@{tenant}" in names and f"bob@{tenant}" not in names, "one is there, the other is gone")

    drill.step("Who did what")
    drill.run("audit", "export", "-o", "audit.jsonl", *within)
    events = [json.loads(line) for line in (drill.folder / "audit.jsonl").read_text().splitlines()]
    wanted = {"runs.pause", "run.cancel", "run.retry", "runs.resume", "limits.change", "user.add", "user.delete"}
    drill.saw(", ".join(sorted(wanted)))
    drill.expect(wanted <= {event["action"] for event in events}, "each of these is an event")
