"""OpenAPI and a page to try it: each document is whole, each of its calls is there and asks for a token, and the page loads nothing from elsewhere."""

import re

from drill import Drill

DOCUMENTS = ["/insights/v1/mpn", "/insights/v1/cmp", "/oauth2", "/manage/v1"]
ID = "00000000-0000-0000-0000-000000000000"


def references(value):
    """Every $ref within."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        yield from references(part)


def leads_somewhere(document, reference):
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name) if isinstance(document, dict) else None
    return document is not None


with Drill(__doc__) as drill:
    drill.step("A server")
    drill.demo("--no-quotas")
    for base in DOCUMENTS:
        drill.step(f"{base}/openapi.json and its page")
        document = drill.get(f"{base}/openapi.json").json
        calls = [(method.upper(), path) for path, each in document["paths"].items() for method in each if method in ("get", "post", "put", "patch", "delete")]
        drill.saw(f"OpenAPI {document['openapi']}: {document['info']['title']}, {len(calls)} calls")
        drill.expect(all(leads_somewhere(document, one) for one in references(document)), "nothing in it leads nowhere")
        page = drill.get(f"{base}/swagger/index.html")
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        drill.expect(page.status == 200 and not any("//" in one for one in loaded), "the page loads nothing from another machine")
        scripts = [one for one in loaded if one.startswith("/swagger/")]
        drill.expect(all(drill.get(one, quiet=True).status == 200 for one in scripts), f"what it loads is there: {', '.join(scripts)}")
        drill.expect("script-src 'self'" in page.headers["Content-Security-Policy"], "and a browser would refuse anything else")
        if base == "/oauth2":
            continue
        prefix = document["servers"][0]["url"]
        prefix = re.sub(r"^https?://[^/]+", "", prefix).rstrip("/")
        statuses = {
            (method, path): drill.request(method, prefix + re.sub(r"\{[^}]+\}", ID, path), {} if method in ("POST", "PUT", "PATCH") else None, quiet=True).status
            for method, path in calls
        }
        wrong = {call: status for call, status in statuses.items() if status != 401}
        drill.saw(*(f"{method} {path} -> {status}" for (method, path), status in wrong.items()))
        drill.expect(not wrong, f"each of its {len(calls)} calls is there, and asks for a token")
