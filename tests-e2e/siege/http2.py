"""The few frames of HTTP/2 that an attacker needs, made by hand: what a library would refuse to send is sent as well."""

import select
import ssl
import struct

from .attackers import connect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW = 3, 4
FRAME = 16384


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field that no table remembers, without compression."""
    return b"\x00" + length(len(name)) + name.encode() + length(len(value)) + value.encode()


def length(count):
    if count < 127:
        return bytes([count])
    # An integer with a prefix of seven bits (RFC 7541, 5.1).
    count -= 127
    encoded = bytearray([127])
    while count >= 128:
        encoded.append(count % 128 + 128)
        count //= 128
    return bytes([*encoded, count])


class Connection:
    """Closed by whom: `closed` says that the server has done so."""

    def __init__(self, port, source):
        self.socket = connect(port, source, tls=["h2"])
        if self.socket.selected_alpn_protocol() != "h2":
            self.socket.close()
            raise ConnectionError("no HTTP/2")
        self.buffer, self.closed, self.acknowledged = b"", False, False
        self.streams, self.window, self.stream_window, self.windows = 100, 65535, 65535, {}
        self.reset, self.next = 0, 1
        self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data):
        """Whether all of it went out: a server that reads no more is left alone after a few seconds."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            self.closed = True
            return False

    def read(self, seconds=0.0):
        """Takes up what has come, and answers what has to be answered."""
        while not self.closed and (self.socket.pending() or select.select([self.socket], [], [], seconds)[0]):
            try:
                block = self.socket.recv(1 << 16)
            except (ssl.SSLWantReadError, TimeoutError):
                return
            except OSError:
                block = b""
            if not block:
                self.closed = True
                return
            self.buffer += block
            seconds = 0.0
            self._take_frames()

    def _take_frames(self):
        while len(self.buffer) >= 9:
            size = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + size:
                return
            kind, flags, stream = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7FFFFFFF
            payload, self.buffer = self.buffer[9 : 9 + size], self.buffer[9 + size :]
            if kind == SETTINGS and not flags & ACK:
                for place in range(0, size, 6):
                    name, value = struct.unpack(">HI", payload[place : place + 6])
                    if name == MAX_CONCURRENT_STREAMS:
                        self.streams = value
                    elif name == INITIAL_WINDOW:
                        self.stream_window = value
                self.acknowledged = True
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            elif kind == WINDOW_UPDATE:
                more = int.from_bytes(payload, "big")
                if stream:
                    self.windows[stream] = self.windows.get(stream, 0) + more
                else:
                    self.window += more
            elif kind == RST_STREAM:
                self.reset += 1
                self.windows.pop(stream, None)
            elif kind == GOAWAY:
                self.closed = True

    def open_form(self, path, declared=None):
        """A stream with the head of a form, and no end. Its number."""
        stream, self.next = self.next, self.next + 2
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        fields.append(("content-type", "application/x-www-form-urlencoded"))
        if declared:
            fields.append(("content-length", str(declared)))
        self.windows[stream] = self.stream_window
        self.send(frame(HEADERS, END_HEADERS, stream, b"".join(literal(*field) for field in fields)))
        return stream

    def push(self, stream, data):
        """As much of a body as the server's windows let through. How much it was."""
        sent = 0
        while sent < len(data) and not self.closed:
            size = min(FRAME, len(data) - sent, self.window, self.windows.get(stream, 0))
            if size <= 0:
                break
            if not self.send(frame(DATA, 0, stream, data[sent : sent + size])):
                break
            sent += size
            self.window -= size
            self.windows[stream] -= size
        return sent

    def close(self):
        self.socket.close()
