"""A session of Postgres, in the few messages that a test needs: one that holds a place, a lock, or ends others. No driver of ours."""

import socket
import struct

PROTOCOL = 196608


class Refused(Exception):
    """What the server said, such as that it has no place left."""


class Session:
    def __init__(self, port, database, user="insightgate"):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        words = f"user\0{user}\0database\0{database}\0application_name\0siege\0\0".encode()
        self.socket.sendall(struct.pack(">II", len(words) + 8, PROTOCOL) + words)
        try:
            self._until_ready()
        except BaseException:
            self.socket.close()
            raise

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            block = self.socket.recv(count - len(data))
            if not block:
                raise Refused("closed")
            data += block
        return data

    def _until_ready(self):
        """Rows as texts, until the server waits for the next statement."""
        rows, error = [], None
        while True:
            kind, size = struct.unpack(">cI", self._exactly(5))
            body = self._exactly(size - 4)
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"E":
                error = body.replace(b"\0", b" ").decode(errors="replace")
                if b"\0SFATAL" in b"\0" + body or b"VFATAL" in body:
                    raise Refused(error)
            elif kind == b"Z":
                if error:
                    raise Refused(error)
                return rows

    @staticmethod
    def _row(body):
        (count,), place, values = struct.unpack(">H", body[:2]), 2, []
        for _ in range(count):
            (size,) = struct.unpack(">i", body[place : place + 4])
            place += 4
            values.append(None if size < 0 else body[place : place + size].decode())
            place += max(0, size)
        return values

    def sql(self, statement):
        words = statement.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">I", len(words) + 4) + words)
        return self._until_ready()

    def close(self):
        self.socket.close()


def take_all(port, database):
    """Every place that the server has left; new ones as they become free are for whoever asks first."""
    held = []
    try:
        while True:
            held.append(Session(port, database))
    except (Refused, OSError):
        return held
