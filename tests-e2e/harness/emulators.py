"""Object stores on this machine: moto's S3 and Microsoft's Azurite, behind a proxy that counts the bytes that leave them."""

import logging
import os
import random
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import boto3
import requests
from moto.server import ThreadedMotoServer

START_SECONDS = 60
# A line for each request would hide what a test says.
logging.getLogger("werkzeug").setLevel(logging.WARNING)
BUCKET = "reports"
PREFIX = "partner/data"
# Azurite's own, which its documents print: no secret of anybody's.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def shut(*ends):
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Counted:
    """A proxy in front of an address; `received` are the bytes that came from there."""

    def __init__(self, host, port):
        self.behind, self.received, self.is_away, self.left, self.ends = (host, port), 0, False, None, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_away:
                client.close()
                continue
            server = socket.create_connection(self.behind)
            self.ends |= {client, server}
            for source, target, counts in [(client, server, False), (server, client, True)]:
                threading.Thread(target=self._pump, args=(source, target, counts), daemon=True).start()

    def _pump(self, source, target, counts):
        try:
            while block := source.recv(1 << 16):
                self.received += len(block) * counts
                if self.left is not None and not counts:
                    self.left -= len(block)
                    if self.left < 0:
                        self.is_away = True
                        shut(*self.ends)
                target.sendall(block)
        except OSError:
            pass
        finally:
            shut(source, target)
            self.ends -= {source, target}

    def close(self):
        # Else the thread that waits takes one more.
        shut(self.listener)
        self.listener.close()

    @contextmanager
    def away(self):
        """While the block runs, nobody gets through, on old connections or new ones."""
        self.is_away = True
        shut(*self.ends)
        try:
            yield
        finally:
            self.is_away = False

    @contextmanager
    def cut_after(self, count):
        """Once so many bytes have gone there, nobody gets through until the block ends."""
        self.left = count
        try:
            yield
        finally:
            self.left, self.is_away = None, False

    @contextmanager
    def counting(self):
        """The bytes that came while the block ran, as a list of one."""
        before, found = self.received, []
        yield found
        found.append(self.received - before)


class S3:
    """moto takes every credential unless `judging`."""

    url = f"s3://{BUCKET}/{PREFIX}"
    secret = "moto-secret-that-must-not-show"

    def __init__(self):
        """One in `failing` requests fails, before or after it is done; none if it is 0."""
        self.failing, self.failed, self.dice = 0, 0, random.Random(7)
        self.is_refusing, self.is_shortening = False, False
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        self.server.start()
        self.server._server.app = self._sometimes_failing(self.server._server.app)
        self.proxy = Counted(*self.server.get_host_and_port())
        self.environment = {
            "AWS_ACCESS_KEY_ID": "moto-key",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.proxy.url,
            "AWS_ALLOW_HTTP": "true",
        }
        self.wrong = {"AWS_ACCESS_KEY_ID": "nobody"}
        self.client = boto3.client(
            "s3", endpoint_url=self.proxy.url, region_name="us-east-1", aws_access_key_id="moto-key", aws_secret_access_key=self.secret
        )
        # What an earlier one left in this process.
        requests.post(f"{self.proxy.url}/moto-api/reset", timeout=START_SECONDS)
        self.client.create_bucket(Bucket=BUCKET)

    def _sometimes_failing(self, app):
        def answer(environment, start_response):
            if self.is_refusing:
                content = b"<Error><Code>InvalidAccessKeyId</Code><Message>rotated</Message></Error>"
                start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))])
                return [content]
            if self.is_shortening and "HTTP_RANGE" in environment:
                return self._shortened(app, environment, start_response)
            if not self.failing or self.dice.randrange(self.failing):
                return app(environment, start_response)
            self.failed += 1
            if self.dice.randrange(2):
                # It is done, and nobody hears of it.
                b"".join(app(environment, lambda *_: None))
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return []

        return answer

    @staticmethod
    def _shortened(app, environment, start_response):
        """All but the last bytes, as if that were what was asked for."""
        told = []
        content = b"".join(app(environment, lambda *head: told.extend(head)))[:-100]
        headers = [(name, value) for name, value in told[1] if name.lower() != "content-length"]
        start_response(told[0], [*headers, ("Content-Length", str(len(content)))])
        return [content]

    @contextmanager
    def refusing(self):
        """While the block runs, nobody's credentials are taken."""
        self.is_refusing = True
        try:
            yield
        finally:
            self.is_refusing = False

    @contextmanager
    def shortening(self):
        """While the block runs, what is read in ranges comes too short, without a word."""
        self.is_shortening = True
        try:
            yield
        finally:
            self.is_shortening = False

    def replace(self, name, content):
        """Of any name, whatever wrote it."""
        self.client.put_object(Bucket=BUCKET, Key=name, Body=content)

    def keys(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def put(self, path, content):
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}", Body=content)

    def sizes(self, prefix):
        """Of the objects whose names begin so, by name."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    def kind(self, name):
        return self.client.head_object(Bucket=BUCKET, Key=name)["ContentType"]

    def unfinished(self):
        """Uploads that were begun and neither completed nor given up."""
        return [upload["Key"] for upload in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    @contextmanager
    def judging(self):
        judge = lambda after: requests.post(f"{self.proxy.url}/moto-api/reset-auth", data=str(after), timeout=START_SECONDS)
        judge(0)
        yield
        judge("inf")

    def close(self):
        self.proxy.close()
        self.server.stop()


class Azure:
    """Azurite checks each signature."""

    url = f"azure://{BUCKET}/{PREFIX}"
    secret = AZURITE_KEY

    def __init__(self, folder):
        program = Path(os.environ["AZURITE_FOLDER"]).resolve() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        command = ["node", str(program), "--blobPort", "0", "--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry"]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        port = None
        for line in self.process.stdout:
            if "successfully listens on" in line:
                port = int(line.rsplit(":", 1)[1])
                break
        assert port, "Azurite did not start"
        self.proxy = Counted("127.0.0.1", port)
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY,
            "AZURE_STORAGE_ENDPOINT": f"{self.proxy.url}/{AZURITE_ACCOUNT}",
            "AZURE_ALLOW_HTTP": "true",
        }
        self.wrong = {"AZURE_STORAGE_ACCOUNT_KEY": "d3JvbmcgLSBub3QgdGhlIGtleSBvZiB0aGUgYWNjb3VudA=="}
        # With the library that Microsoft has for it.
        from azure.storage.blob import ContainerClient

        address = f"{self.proxy.url}/{AZURITE_ACCOUNT}"
        self.container = ContainerClient(address, BUCKET, credential={"account_name": AZURITE_ACCOUNT, "account_key": AZURITE_KEY})
        self.container.create_container()

    def put(self, path, content):
        self.container.upload_blob(f"{PREFIX}/{path}", content, overwrite=True)

    def replace(self, name, content):
        """Of any name, whatever wrote it."""
        self.container.upload_blob(name, content, overwrite=True)

    def sizes(self, prefix):
        return {blob.name: blob.size for blob in self.container.list_blobs(name_starts_with=prefix)}

    def kind(self, name):
        return self.container.get_blob_client(name).get_blob_properties().content_settings.content_type

    def unfinished(self):
        """The store forgets parts by itself: there is nothing to give up."""
        return []

    @contextmanager
    def judging(self):
        yield

    def close(self):
        self.container.close()
        self.proxy.close()
        self.process.terminate()
        self.process.wait(30)
