"""What an authenticator app shows."""

import base64
import hashlib
import hmac
import struct


def code(secret, seconds):
    """What an authenticator app shows (RFC 6238): `secret` in base32; `seconds` of the server's clock."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(seconds) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
