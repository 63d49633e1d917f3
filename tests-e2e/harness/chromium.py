"""Debian's Chromium, driven by its own driver (`apt-get install chromium chromium-driver`) over the W3C's WebDriver protocol."""

import base64
import shutil
import subprocess

import requests

from .waiting import eventually
from .ports import free_port

SECONDS = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def is_there():
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


class Chromium:
    """Ends with the `with` block. `home` holds all that it keeps."""

    def __init__(self, home):
        self.home, self.http = home, requests.Session()
        self.http.trust_env = False
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        self.root = f"http://127.0.0.1:{self.port}"
        eventually(self._is_up, SECONDS)
        # The demo's certificate is not one of the system's, and in a container there is no sandbox.
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.home}", "--no-first-run"]
        wanted = {"acceptInsecureCerts": True, "goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.root += f"/session/{made['sessionId']}"
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(30)

    def _is_up(self):
        try:
            return self.http.get(f"{self.root}/status", timeout=SECONDS).status_code == 200
        except requests.ConnectionError:
            return False

    def _ask(self, method, path, body=None):
        answer = self.http.request(method, self.root + path, json=body, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def open(self, address):
        self._ask("POST", "/url", {"url": address})

    def address(self):
        return self._ask("GET", "/url")

    def text(self):
        return self._ask("GET", f"/element/{self._find('body')}/text")

    def type(self, name, text):
        self._ask("POST", f"/element/{self._find(f'input[name={name}]')}/value", {"text": text})

    def keys(self, text):
        """Presses keys where the focus is. Keys without a character are WebDriver's: U+E009 is Control, which U+E000 lets go."""
        pressed = [action for key in text for action in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        # Control stays down until it is let go.
        held, actions = None, []
        for action in pressed:
            if action["value"] == "\ue009":
                held = action["value"]
                actions += [action] if action["type"] == "keyDown" else []
            elif action["value"] == "\ue000":
                actions += [{"type": "keyUp", "value": held}] if held else []
                held = None
            else:
                actions.append(action)
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def press(self, step):
        """The button of a form's step; the page that follows is loaded when this ends."""
        self._ask("POST", f"/element/{self._find(f'button[value={step}]')}/click", {})

    def has(self, step):
        return bool(self._ask("POST", "/elements", {"using": "css selector", "value": f"button[value={step}]"}))

    def run(self, script, *arguments):
        """What the script returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def click(self, selector):
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def count(self, selector):
        """How many elements there are."""
        return len(self._ask("POST", "/elements", {"using": "css selector", "value": selector}))

    def windows(self):
        return self._ask("GET", "/window/handles")

    def look_at(self, window):
        self._ask("POST", "/window", {"handle": window})

    def point(self, selector):
        """Moves the pointer to the middle of an element."""
        move = {"type": "pointerMove", "duration": 0, "origin": {ELEMENT: self._find(selector)}, "x": 0, "y": 0}
        self._ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "pointer", "parameters": {"pointerType": "mouse"}, "actions": [move]}]})

    def complaints(self):
        """What the page has written to the console since it was asked last, such as scripts that were not allowed to run."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def look(self, width, height, scheme="light"):
        """A window of this size, of a person who prefers light or dark."""
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def in_zone(self, zone):
        self._devtools("Emulation.setTimezoneOverride", timezoneId=zone)

    def without_scripts(self):
        """Of pages that are opened from now on none runs."""
        self._devtools("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self):
        """The whole page as PNG."""
        # Without a scroll bar, since all of it is shown.
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        return base64.b64decode(self._devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])

    def _devtools(self, command, **parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _find(self, selector):
        return self._ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
