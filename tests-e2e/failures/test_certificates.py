"""An operator's own certificate is read again while the server runs; one that cannot be used never takes the last good one away."""

import datetime
import ipaddress
import re
import signal
import ssl
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WAIT_SECONDS = 30


def write_certificate(folder, name):
    """A self-signed certificate for this machine, and its serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "chain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate.serial_number


def shown(address):
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=10) as plain, context.wrap_socket(plain) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number


def until_shown(address, serial):
    end = time.monotonic() + WAIT_SECONDS
    while shown(address) != serial:
        assert time.monotonic() < end, "the new certificate is not shown"


def test_a_new_certificate_is_shown_without_a_restart(binary, tmp_path):
    first = write_certificate(tmp_path, "first")
    config = tmp_path / "insightgate.toml"
    config.write_text(
        f'[data]\nfolder = "{tmp_path / "data"}"\n[server]\nhttp = ""\nhttps = "127.0.0.1:0"\n'
        f'certificate = "{tmp_path / "chain.pem"}"\ncertificate_key = "{tmp_path / "key.pem"}"\n'
    )
    server = subprocess.Popen([binary, "serve", "--config", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        address = None
        while address is None:
            line = server.stderr.readline()
            assert line, "the server ended"
            found = re.match(r"serving https://([\d.]+):(\d+)", line)
            address = found and (found[1], int(found[2]))
        assert shown(address) == first
        second = write_certificate(tmp_path, "second")
        until_shown(address, second)
        # Half of a certificate is none: the last good one stays, and is replaced by the next whole one.
        (tmp_path / "chain.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
        server.send_signal(signal.SIGHUP)
        line = ""
        while "the new TLS certificate cannot be used" not in line:
            line = server.stderr.readline() or "ended"
            assert line != "ended"
        assert shown(address) == second
        third = write_certificate(tmp_path, "third")
        server.send_signal(signal.SIGHUP)
        until_shown(address, third)
    finally:
        server.terminate()
        server.communicate(timeout=30)
