"""People who visit the console, each in a Chromium of Debian's (`apt-get install chromium`) that Playwright drives, and what a page can be asked there.

Nothing here knows a page of the console: what is visited, the tests say.
"""

import json
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

SECONDS = 30
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 720}
# Rules that look at colours. The others give the same answer in light and in dark.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# An external issuer, a tenant of it, and the configuration of a server that trusts it.
ISSUER, ITS_TENANT = "https://login.example/realms/" + "w" * 60, "7f0a3c52-external"
TRUSTING = """
[data]
folder = "{folder}"
[[issuer]]
url = "{issuer}"
audiences = ["api://insightgate"]
"""

# Borders of fields stand out from what surrounds them (WCAG 1.4.11).
BORDERS = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
        const [red, green, blue] = numbers(colour).map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor, [, , , opacity = 1] = numbers(colour);
            if (opacity === 1) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const fields = [...document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea, button.quiet, .query-editor")];
    return fields.filter(field => field.checkVisibility() && field.getClientRects().length).map(field => {
        const line = getComputedStyle(field).borderTopColor, around = ground(field.parentElement);
        return [field.name || field.id || field.textContent.trim().slice(0, 40), contrast(line, around)];
    });
}"""

# What reaches beyond the window: the elements whose end lies outside and that nothing cuts off or scrolls.
BEYOND = """() => {
    const width = document.documentElement.clientWidth, found = [];
    if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return found;
    for (const element of document.body.querySelectorAll("*")) {
        if (element.getBoundingClientRect().right <= width + 0.5) continue;
        let held = false;
        for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) held ||= getComputedStyle(at).overflowX !== "visible";
        if (!held) found.push(`${element.tagName.toLowerCase()}.${element.className} ${element.textContent.trim().slice(0, 60)}`);
    }
    return found.slice(0, 5).concat(found.length ? [] : [`the body is ${document.documentElement.scrollWidth} wide`]);
}"""

# Nothing of a page is asked for once more: no rule of these reads a style sheet.
AXE = "run => axe.run(document, { runOnly: run, resultTypes: ['violations'], preload: false }).then(({ violations }) => violations)"

# What has a text, by its class and those around it.
COLOURED = """() => {
    const named = one => one ? `${one.localName}.${one.className}` : "";
    const texts = [...document.body.querySelectorAll("*")].filter(one => [...one.childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim()));
    return [...new Set(texts.map(one => [one, one.parentElement, one.parentElement?.parentElement].map(named).join(" in ")))];
}"""

# Ids of which a line ends within a group.
BROKEN_IDS = """() => {
    const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, found = [];
    for (const element of document.querySelectorAll("main :is(code, bdi, td, dd, a, span)")) {
        if (!id.test(element.textContent.trim()) || !element.checkVisibility()) continue;
        const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
        while (walk.nextNode()) {
            for (const { index, 0: group } of walk.currentNode.data.matchAll(/[0-9a-f]+/g)) {
                range.setStart(walk.currentNode, index);
                range.setEnd(walk.currentNode, index + group.length);
                if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) found.push(`${element.textContent}: ${group}`);
            }
        }
    }
    return found;
}"""

# Times of which a line ends within a date, or between it and the hour.
BROKEN_TIMES = """() => {
    const found = [];
    for (const element of document.querySelectorAll("main time")) {
        if (!element.checkVisibility()) continue;
        const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
        while (walk.nextNode()) {
            if (!walk.currentNode.data.trim()) continue;
            range.selectNodeContents(walk.currentNode);
            if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) found.push(element.textContent);
        }
    }
    return found;
}"""

# Every text as much longer as a translation may be; what is in a code or a field stays.
LENGTHEN = """share => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
    while (walk.nextNode()) texts.push(walk.currentNode);
    for (const text of texts) {
        if (!text.data.trim() || text.parentElement.closest("code, pre, script, style, textarea, option")) continue;
        const words = text.data.trim();
        text.data += ` ${words.slice(0, Math.ceil(words.length * (share - 1)))}`;
    }
}"""


def is_there():
    return bool(shutil.which("chromium"))


@contextmanager
def chromium():
    """A browser, in which each visitor has cookies of their own."""
    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]) as opened:
            yield opened


def picture_of(who, path, what):
    """The file of a picture, which is kept after the run."""
    name = re.sub(r"\W+", "-", path.removeprefix("/console/").replace("{tenant}/", "")).strip("-") or "start"
    return Path(os.environ["PICTURES_FOLDER"]) / f"{name}-{who}-{what}.png"


class Visitor:
    """Somebody with a browser of their own, and all that the browser complained of since it was asked last."""

    def __init__(self, browser, ready, *, scripts=True, axe=None):
        self.ready, self.scripts, self.complained = ready, scripts, []
        # The demo's certificate is not one of the system's.
        self.context = browser.new_context(
            base_url=ready["https"], ignore_https_errors=True, java_script_enabled=scripts, viewport=WIDE, timezone_id="Europe/Berlin", reduced_motion="reduce"
        )
        self.context.set_default_timeout(SECONDS * 1000)
        # Whatever a page has measured in the dark, on any of the pages: see `faults`.
        self.seen_in_the_dark = set()
        if axe:
            # With each page, and not by its policy.
            self.context.add_init_script(axe)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self._complain(message) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complained.append(str(error)))

    def _complain(self, message):
        # Reading the pixels of a chart back makes the browser give advice.
        if "willReadFrequently" not in message.text:
            self.complained.append(message.text)

    def complaints(self):
        found, self.complained[:] = list(self.complained), []
        return found

    def refused_with(self, answer):
        """What the browser complains of by itself where a page is refused."""
        return [] if answer.ok else [f"Failed to load resource: the server responded with a status of {answer.status} ({answer.status_text})"]

    # The way in

    def sign_in(self, username, password):
        self.page.goto("/")
        self.page.fill("input[name=username]", username)
        self.page.click("main button")
        self.page.fill("input[name=password]", password)
        self.page.click("button[value=password]")
        self.page.wait_for_url("**/")
        return self

    def sign_in_as_operator(self):
        self.page.goto("/console/operator-sign-in")
        self.page.fill("input[name=client_id]", self.ready["operator"]["client_id"])
        self.page.fill("input[name=client_secret]", self.ready["operator"]["client_secret"])
        self.page.click("main button")
        self.page.wait_for_url("**/")
        return self

    # What a page can be asked

    def look(self, scheme="light", size=WIDE):
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size(size)

    def violations(self, only=None):
        """What axe-core has to say, a line for each element."""
        run = {"type": "rule", "values": only} if only else {"type": "tag", "values": LEVELS}
        found = self.page.evaluate(AXE, run)
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def faint_borders(self):
        return [f"{name}: {contrast:.2f}" for name, contrast in self.page.evaluate(BORDERS) if contrast < 3]

    def beyond(self):
        return self.page.evaluate(BEYOND)

    def broken_ids(self):
        return self.page.evaluate(BROKEN_IDS)

    def broken_times(self):
        return self.page.evaluate(BROKEN_TIMES)

    def faults(self):
        """Everything that is wrong with the page as it is now, in light and in dark, on a large screen and on the smallest."""
        self.look("light", WIDE)
        found = self.violations() + self.faint_borders()
        self.look("dark", NARROW)
        # Colours follow from classes: what has those of something that was measured before is not measured again.
        coloured = set(self.page.evaluate(COLOURED))
        if not coloured <= self.seen_in_the_dark:
            found += self.violations(OF_COLOURS)
            self.seen_in_the_dark |= coloured
        return found + self.faint_borders() + self.beyond() + self.broken_ids() + self.broken_times()

    def lengthen(self, share=1.6):
        self.page.evaluate(LENGTHEN, share)

    def focused(self):
        """What has the focus: its text or name, and how thick the line around it is."""
        return self.page.evaluate(
            """() => {
                const one = document.activeElement, style = getComputedStyle(one);
                return [one.textContent.trim() || one.name || one.id, style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth)];
            }"""
        )

    def picture(self, file, whole=True):
        """Of the whole page, or of what a window shows of it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, full_page=whole)


def axe_source(folder):
    return (Path(folder) / "node_modules/axe-core/axe.min.js").read_text()


class Office:
    """What an operator prepares by the management API."""

    def __init__(self, demo):
        self.demo, operator = demo, demo.ready["operator"]
        asked = demo.session.post(
            f"{demo.ready['authority']}/oauth2/token",
            data={"grant_type": "client_credentials", "resource": "api://insightgate/manage", **operator},
        )
        assert asked.status_code == 200, asked.text
        self.token = asked.json()["access_token"]

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.demo.session.request(method, f"{self.demo.ready['https']}/manage/v1/{path}", json=body, headers=headers)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return json.loads(answer.text) if answer.text else None

    def of_tenant(self, method, path, body=None):
        return self.call(method, f"tenants/{self.demo.ready['tenant_id']}/{path}", body)

    def user(self, name, password, *roles, **fields):
        """A user of the demo's organisation with these roles; returns the id."""
        made = self.of_tenant("POST", "users", {"username": f"{name}@{self.demo.ready['tenant_domain']}", "password": password, **fields})
        for role in roles:
            self.of_tenant("POST", "roleAssignments", {"assignee": made["id"], "role": role})
        return made["id"]
