"""What was there before the process was killed is there after it starts again on the same folder."""


def addresses(demo):
    return {scheme: demo.ready[scheme].removeprefix(f"{scheme}://") for scheme in ("http", "https")}


def test_killed_and_started_again(start, tmp_path):
    with start(tmp_path / "data", "--no-quotas", "--rows", "60") as demo:
        token = demo.sign_in()
        query = demo.create_query("SELECT MPNId, PartnerName, Country FROM Profile TIMESPAN LIFETIME", "kept")
        execution = demo.run(query["queryId"])
        report = demo.ok("GET", "ScheduledReport", params={"reportId": execution["reportId"]})[0]
        link = execution["reportAccessSecureLink"]
        file = demo.download(link).content
        assert file.startswith(b"MPNId,PartnerName,Country\n")
        demo.kill()
        where = addresses(demo)
    with start(tmp_path / "data", "--no-quotas", "--rows", "60", **where) as again:
        assert again.ready["tenant_id"] == demo.ready["tenant_id"] and again.ready["client_id"] == demo.ready["client_id"]
        # The old token, and with it the signing keys.
        old = {"token": token}
        assert again.ok("GET", "ScheduledQueries", params={"queryId": query["queryId"]}, **old) == [query]
        assert again.ok("GET", "ScheduledReport", params={"reportId": report["reportId"]}, **old) == [report]
        kept = again.ok("GET", f"ScheduledReport/execution/{report['reportId']}", **old)
        assert [each["executionId"] for each in kept] == [execution["executionId"]]
        assert again.download(link).content == file
        assert again.download(kept[0]["reportAccessSecureLink"]).content == file
        assert demo.ask_token().status_code == 200, "the old secret and password"
        assert again.run(query["queryId"])["executionId"] != execution["executionId"]
