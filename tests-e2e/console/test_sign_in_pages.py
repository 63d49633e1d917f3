"""The pages on which people sign in, each with what axe-core finds, borders, widths and colours, in Debian's Chromium."""

import os
from urllib.parse import urlencode

import pytest

import visitors
from harness.person import code
from test_pages import LONG, PASSWORD
from visitors import Office, Visitor, axe_source, picture_of

if not visitors.is_there():
    pytest.skip("chromium is not installed", allow_module_level=True)

WRONG = "wrong horse 7 battery"


@pytest.fixture(scope="module")
def browser():
    with visitors.chromium() as opened:
        yield opened


class Guest:
    """Somebody without cookies, who looks at each page on the way."""

    def __init__(self, browser, demo):
        self.one, self.page = (one := Visitor(browser, demo.ready, axe=axe_source(os.environ["AXE_FOLDER"]))), one.page

    def open(self, path):
        self.answer = self.page.goto(path)

    def send(self, button, **typed):
        """Fills the form and sends it; a page that refuses is one too."""
        for field, text in typed.items():
            self.page.fill(f"[name={field}]", text)
        with self.page.expect_navigation():
            self.page.click(button)

    def sees(self, title, what, fault=False):
        assert self.page.title().startswith(title), f"{self.page.title()}: {self.page.text_content('main, body')}"
        assert (self.page.locator("[role=alert]").count() > 0) == fault
        assert self.one.faults() == [], title
        self.one.picture(picture_of("guest", f"sign-in-{what}", "dark-narrow"))
        self.one.lengthen()
        assert self.one.beyond() == []


def addresses(demo, application, **more):
    query = {"client_id": application, "response_type": "code", "redirect_uri": "https://walk.example/back", "scope": f"{demo.ready['resource']}/.default"}
    return f"{demo.ready['authority']}/oauth2/v2.0/authorize?{urlencode(query | more)}"


@pytest.fixture(scope="module")
def strict(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("strict") / "data", "--rows", "60", "--no-quotas", "--require-mfa") as demo:
        yield demo


@pytest.fixture(scope="module")
def application(strict):
    """One that the organisation did not consent to, with a name as bad as the API takes it."""
    office = Office(strict)
    made = office.of_tenant("POST", "applications", {"name": LONG, "redirectUris": ["https://walk.example/back"]})["id"]
    office.of_tenant("POST", f"applications/{made}/permissions", {"permission": "user_impersonation"})
    return made


def test_a_first_sign_in(browser, strict, application):
    """A new password, a second factor, and consent: each of them wrong at first."""
    name = f"guest@{strict.ready['tenant_domain']}"
    office = Office(strict)
    office.user("guest", PASSWORD, mustChangePassword=True)
    guest = Guest(browser, strict)
    guest.open(addresses(strict, application))
    guest.sees("Sign in", "password")
    guest.send("button[value=password]", username=name, password=WRONG)
    guest.sees("Sign in", "wrong-password", fault=True)
    guest.send("button[value=password]", username=name, password=PASSWORD)
    guest.sees("Set a new password", "new-password")
    guest.send("button[value=new-password]", password=WRONG, again=PASSWORD)
    guest.sees("Set a new password", "new-password-twice", fault=True)
    guest.send("button[value=new-password]", password=WRONG, again=WRONG)
    guest.sees("Set up a second factor", "enrol")
    guest.send("button[value=enrol]", code="000000")
    guest.sees("Set up a second factor", "enrol-wrong", fault=True)
    secret = guest.page.text_content("code.secret").replace(" ", "")
    guest.send("button[value=enrol]", code=code(secret, strict.now().timestamp()))
    guest.sees("Permission asked for", "consent")
    guest.open(addresses(strict, application, prompt="select_account"))
    guest.sees("Choose an account", "account")


def test_a_device(browser, strict):
    name = f"device@{strict.ready['tenant_domain']}"
    office = Office(strict)
    user = office.user("device", PASSWORD, "executive_report_viewer")
    factor = office.of_tenant("POST", f"users/{user}/totp", {})
    asked = {"client_id": strict.ready["public_client_id"], "scope": f"{strict.ready['resource']}/.default"}
    begun = strict.session.post(f"{strict.ready['authority']}/oauth2/v2.0/devicecode", data=asked).json()
    guest = Guest(browser, strict)
    guest.open("/common/oauth2/deviceauth")
    guest.sees("Enter the device's code", "device")
    guest.send("main button, form button", user_code="AAAA-BBBB")
    guest.sees("Enter the device's code", "device-wrong", fault=True)
    guest.send("main button, form button", user_code=begun["user_code"])
    guest.sees("Sign in", "device-password")
    guest.send("button[value=password]", username=name, password=PASSWORD)
    guest.sees("Enter the code", "code")
    guest.send("button[value=code]", code="000000")
    guest.sees("Enter the code", "code-wrong", fault=True)
    guest.send("button[value=code]", code=code(factor["secret"], strict.now().timestamp()))
    guest.sees("Sign in on a device", "device-question")
    guest.send("button[value=accept]")
    guest.sees("You are signed in", "device-done")


@pytest.mark.parametrize(
    "path, title, what",
    [
        ("{authority}/oauth2/v2.0/authorize?client_id=00000000-0000-0000-0000-000000000001&response_type=code", "Sign-in failed", "failed"),
        ("/error?code=50126", "AADSTS50126", "explanation"),
        ("/error?code=1", "Unknown number", "explanation-of-none"),
        ("{authority}/oauth2/v2.0/logout", "You are signed out", "signed-out"),
    ],
)
def test_what_says_something(browser, strict, path, title, what):
    guest = Guest(browser, strict)
    guest.open(path.format(**strict.ready))
    guest.sees(title, what, fault=what == "failed")
