"""A browser without JavaScript: it keeps cookies, follows redirects on the server, and sends the forms of the pages that it is shown."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class ThroughPort(requests.Session):
    """The library asks for user realms at the authority's host without its port; this adds the port."""

    def __init__(self, authority, certificate):
        super().__init__()
        self.trust_env, self.verify = False, certificate
        host = requests.utils.urlparse(authority)
        self.bare, self.full = f"https://{host.hostname}/", f"https://{host.netloc}/"

    def request(self, method, url, **more):
        return super().request(method, url.replace(self.bare, self.full, 1) if url.startswith(self.bare) else url, **more)


class Forms(HTMLParser):
    """The page's forms: where they lead, their fields, and their buttons by value."""

    def __init__(self, text):
        super().__init__()
        self.found, self.heading, self._in_heading = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.found.append({"action": attributes["action"], "fields": {}, "steps": []})
        elif tag == "input":
            self.found[-1]["fields"][attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and "name" in attributes:
            self.found[-1]["steps"].append(attributes["value"])
        self._in_heading = tag == "h1"

    def handle_data(self, data):
        if self._in_heading:
            self.heading += data

    def handle_endtag(self, tag):
        self._in_heading = False


class Browser:
    """`leaves` is set once the browser is sent to another address than the server's."""

    def __init__(self, demo):
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = demo.ready["ca_certificate"]
        self.https, self.page, self.leaves = demo.ready["https"], None, None

    def open(self, address):
        return self._shown("GET", address)

    def submit(self, step=None, **typed):
        form = next(form for form in self.page.found if step is None or step in form["steps"])
        fields = form["fields"] | typed | ({"step": step} if step else {})
        return self._shown("POST", urljoin(self.https, form["action"]), data=fields)

    def sign_in(self, username, password):
        return self.submit("password", username=username, password=password)

    def _shown(self, method, address, **more):
        answer = self.session.request(method, address, allow_redirects=False, timeout=60, **more)
        if answer.is_redirect:
            self.leaves = answer.headers["Location"]
            return self
        assert answer.headers["Content-Type"].startswith("text/html"), answer.text
        self.status, self.page = answer.status_code, Forms(answer.text)
        return self
