"""Messages of any length by pyca/cryptography, as docs/protocol.md, section 7, says to make them.

Usage: enveloped.py encrypt|decrypt CONTEXT < input > output, with docs/ in PYTHONPATH and the
daemon's socket in CRYPTO_SOCKET.
"""

import base64
import sys

from client import Crypto
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

ENVELOPE = 117


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encrypt(plaintext, context):
    made = Crypto().ask("envelope.create", size=len(plaintext))
    body = Cobblestone256Encryptor(decode(made["dataKey"]), b"crypto/v1/body" + context)
    return decode(made["envelope"]) + body.update(plaintext) + body.finalize()


def decrypt(message, context):
    opened = Crypto().ask("envelope.open", envelope=encode(message[:ENVELOPE]))
    body = Cobblestone256Decryptor(decode(opened["dataKey"]), b"crypto/v1/body" + context)
    return body.update(message[ENVELOPE:]) + body.finalize()


act = {"encrypt": encrypt, "decrypt": decrypt}[sys.argv[1]]
sys.stdout.buffer.write(act(sys.stdin.buffer.read(), sys.argv[2].encode()))
