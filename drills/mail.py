"""Mail: a test mail, and what helps when it is not taken; a verification code that its contact alone gets; a failed report that its owner learns of."""

import json
import re
import socketserver
import threading
from email import message_from_bytes
from email.policy import default

from drill import PROFILE, Drill, free_port

CONTACT = PROFILE["primaryContactEmail"]


class MailServer(socketserver.StreamRequestHandler):
    """Takes every letter but those to nobody, as a server of one's own does."""

    letters = []

    def handle(self):
        self.answer("220 drill")
        while line := self.rfile.readline().decode().strip():
            word = line.split(":")[0].split()[0].upper()
            if word == "DATA":
                self.answer("354 go on")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.letters.append((self.recipient, message_from_bytes(content, policy=default)))
                self.answer("250 taken")
            elif word == "RCPT":
                self.recipient = re.search(r"<(.*)>", line)[1]
                self.answer("550 no such user here" if self.recipient.startswith("nobody@") else "250 ok")
            else:
                self.answer({"EHLO": "250 drill", "QUIT": "221 bye"}.get(word, "250 ok"))

    def answer(self, line):
        self.wfile.write(f"{line}\r\n".encode())


def letter(drill, about):
    """The recipient and the text of a letter, once it has come."""
    found = drill.until(lambda: next((one for one in MailServer.letters if about in one[1]["Subject"]), None), f"a mail about {about!r} comes")
    drill.saw(f"to {found[0]}: {found[1]['Subject']}")
    return found[0], found[1].get_content()


def try_mail(drill):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {"mail_server": "127.0.0.1", "mail_port": server.server_address[1], "mail_security": "none", "mail_from": "Insightgate <insightgate@insights.example>"}
    variables = {f"INSIGHTGATE_{name.upper()}": value for name, value in settings.items()}

    drill.step("A test mail")
    (drill.folder / "insightgate.toml").write_text("")
    drill.saw(drill.run("mail", "test", "--to", "you@example.com", **variables).stdout)
    drill.expect(letter(drill, "test")[0] == "you@example.com", "it is there")
    for code, to, changed in [(3, "nobody@example.com", {}), (5, "you@example.com", {"INSIGHTGATE_MAIL_PORT": free_port()})]:
        said = drill.run("mail", "test", "--to", to, ends_with=code, **variables | changed).stderr
        drill.saw(*[line for line in said.splitlines() if line.startswith(("error:", "hint:"))])
        drill.expect("hint: " in said, "if it is not taken, there is a hint")

    drill.step("A server that sends mail, and an organisation that is enrolled")
    demo = drill.demo("--no-quotas")
    drill.end(demo)
    drill.serve("[reports]\nquotas = false\n", **settings)
    (drill.folder / "profile.json").write_text(json.dumps(PROFILE))
    enrolled = drill.json("tenant", "enroll", "fabrikam.example", "--profile-file", "profile.json", "--global-account-id", "1001235")
    drill.expect("verificationCode" not in enrolled, "the code is shown to nobody")
    to, text = letter(drill, "verification code")
    drill.expect(to == CONTACT, "the contact of the organisation gets it")
    drill.run("tenant", "verify", "fabrikam.example", "--code", re.search(r"\b(\d{8})\b", text)[1])

    drill.step("A report that fails")
    for file in (drill.folder / "data" / "data" / "mpn" / "CustomersAndTenants").rglob("*.parquet"):
        file.write_bytes(b"no rows any more")
    drill.order(ReportName="Weekly sales")
    to, text = letter(drill, "Weekly sales")
    drill.expect(to == drill.ready["username"], "its owner learns of it")
    drill.expect("sig=" not in text and drill.ready["client_secret"] not in text, "no link and no secret is in the mail")
    server.shutdown()


with Drill(__doc__) as drill:
    try_mail(drill)
