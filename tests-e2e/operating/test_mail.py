"""Mail to an SMTP server that is not the project's own, over TLS and with a password: one server of each kind for all tests."""

import datetime
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import threading
from email import message_from_bytes
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.deployment import DOMAIN, LEGAL, USER, Deployment
from harness.ports import free_port

MAIL_PASSWORD = "mail & password"
SECONDS = 60


class Mailbox:
    """Keeps the letters that come, and waits for those that are to come."""

    def __init__(self):
        self.letters, self.came = [], threading.Condition()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("nobody@"):
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        with self.came:
            self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
            self.came.notify_all()
        return "250 2.0.0 Taken as 4711"

    def wait_for(self, about, number=1):
        """The letter whose subject is about this; of several, the one with this number."""
        found = lambda: [letter for letter in self.letters if about in letter[1]["Subject"]]
        with self.came:
            assert self.came.wait_for(lambda: len(found()) >= number, SECONDS), [letter["Subject"] for _, letter in self.letters]
            return found()[number - 1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that is its own authority: two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    folder = tmp_path_factory.mktemp("mail")
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    clear = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, clear))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def mail(certificate):
    """The mail server: STARTTLS, then a password, then letters."""

    def authenticate(_server, _session, _envelope, _mechanism, data):
        # `handled`: whether the server is to leave the answer to us.
        return AuthResult(success=(data.login, data.password) == (b"insightgate", MAIL_PASSWORD.encode()), handled=False)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    protected = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=free_port(), **protected)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture(scope="module")
def deployment(binary, tmp_path_factory, mail, certificate):
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "password").write_text(f"{MAIL_PASSWORD}\n")
    settings = {
        "INSIGHTGATE_MAIL_SERVER": "127.0.0.1",
        "INSIGHTGATE_MAIL_PORT": mail.port,
        "INSIGHTGATE_MAIL_USERNAME": "insightgate",
        "INSIGHTGATE_MAIL_PASSWORD_FILE": folder / "password",
        "INSIGHTGATE_MAIL_FROM": "Insightgate <insightgate@insights.example>",
        "INSIGHTGATE_MAIL_CA_CERTIFICATE": certificate[0],
    }
    deployment = Deployment(binary, folder, "", 1, **settings)
    # A file of its own.
    del deployment.first.environment["INSIGHTGATE_DATA_DATABASE_URL"]
    with deployment:
        yield deployment


def tried(deployment, to="you@example.com", **other):
    """What `insightgate mail test` says with other settings."""
    changed = {f"INSIGHTGATE_MAIL_{name}": value for name, value in other.items()}
    environment = {name: str(value) for name, value in (deployment.first.environment | changed).items() if value is not None}
    command = [deployment.first.binary, "mail", "test", "--to", to]
    return subprocess.run(command, cwd=deployment.first.folder, env=environment, capture_output=True, text=True, timeout=SECONDS)


def test_the_command_says_what_the_server_answered(deployment, mail):
    ran = tried(deployment)
    assert (ran.returncode, ran.stdout) == (0, f"127.0.0.1:{mail.port} took it: 250 2.0.0 Taken as 4711\n"), ran.stderr
    recipients, letter = mail.handler.wait_for("A test of insightgate's mail")
    assert recipients == ["you@example.com"] and letter["From"] == "Insightgate <insightgate@insights.example>"
    assert re.fullmatch(r"<[0-9a-f-]{36}@insights\.example>", letter["Message-ID"]) and letter["Auto-Submitted"] == "auto-generated"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        cases = [
            (3, "does not take the username and password", "INSIGHTGATE_MAIL_PASSWORD", {"PASSWORD": "wrong"}),
            (5, "cannot be reached", "mail.port", {"PORT": closed.getsockname()[1]}),
            (1, "no encrypted connection", "mail.security", {"SECURITY": "tls"}),
            (1, "certificate of the mail server is not trusted", "mail.ca_certificate", {"CA_CERTIFICATE": None}),
            (3, "No such user here", "mail.from", {"to": "nobody@example.com"}),
            (2, "is no mail address", "", {"to": "nobody"}),
            (2, "mail.from", "", {"FROM": "nobody"}),
            (2, "as it is", "", {"SECURITY": "none"}),
        ]
        for code, words, hint, other in cases:
            ran = tried(deployment, **other)
            assert ran.returncode == code and words in ran.stderr and hint in ran.stderr, (other, ran.stderr)
            assert MAIL_PASSWORD not in ran.stderr and "wrong" not in ran.stderr.replace("is wrong", "")


def test_a_code_and_a_failed_report_come_by_mail(deployment, mail):
    (deployment.first.folder / "contoso.json").write_text(json.dumps(LEGAL))
    enrolled = deployment.json("tenant", "enroll", DOMAIN, "--profile-file", "contoso.json", "--global-account-id", "1001234")
    assert "verificationCode" not in enrolled and enrolled["verificationCodeSentTo"] == USER
    mail.handler.wait_for("The verification code")
    again = deployment.json("tenant", "verify", DOMAIN, "--new-code")
    assert "verificationCode" not in again and again["verificationCodeSentTo"] == USER
    mail.handler.wait_for("The verification code", 2)
    assert not re.search(r"\d{8}", deployment.command("tenant", "verify", DOMAIN, "--new-code"))
    recipients, letter = mail.handler.wait_for("The verification code", 3)
    assert recipients == [USER]
    code = re.search(r"code: (\d{8})", letter.get_content())[1]
    deployment.take_in(code)
    token = deployment.token()
    rows = deployment.rows / "mpn" / "CustomersAndTenants" / f"tenant={enrolled['id']}"
    rows.mkdir(parents=True)
    (rows / "rows.parquet").write_bytes(b"no Parquet")
    query = {"Name": "q", "Query": "SELECT CustomerName FROM CustomersAndTenants TIMESPAN LIFETIME"}
    query = deployment.ok("POST", "ScheduledQueries", token, json=query)[0]["queryId"]
    report = {"ReportName": "Umsätze", "QueryId": query, "ExecuteNow": True}
    report = deployment.ok("POST", "ScheduledReport", token, json=report)[0]["reportId"]
    recipients, letter = mail.handler.wait_for("Umsätze")
    text = letter.get_content()
    assert recipients == [USER] and "\"Umsätze\" failed" in letter["Subject"]
    assert report in text and "rows.parquet" in text and "http" not in text and deployment.form["client_secret"] not in text, text
