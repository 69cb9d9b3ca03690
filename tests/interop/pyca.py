"""The formats of docs/format.md by pyca/cryptography, written from that page alone.

Reads a JSON list of jobs from standard input and writes the list of their results. Byte strings
are base64url without padding. A job that fails gives {"error": the exception's name}.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import unicodedata

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

HEADER = 13
ENVELOPE = 117
PIECE = 100_000


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def in_pieces(data):
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


def seal(key, context, plaintext):
    encryptor = Cobblestone256Encryptor(key, context)
    parts = [encryptor.update(piece) for piece in in_pieces(plaintext)]
    return b"".join(parts) + encryptor.finalize()


def open_(key, context, message):
    decryptor = Cobblestone256Decryptor(key, context)
    parts = [decryptor.update(piece) for piece in in_pieces(message)]
    return b"".join(parts) + decryptor.finalize()


def key_id(key):
    return HKDFExpand(SHA512(), 8, b"crypto/v1/key-id").derive(key)


def header(kind, ident):
    return b"CRY1" + bytes([kind]) + ident


def checked_header(kind, ident, message):
    """The message's header, which must be the expected one."""
    expected = header(kind, ident)
    if message[:HEADER] != expected:
        raise ValueError("header")
    return expected


def seal_direct(key, context, plaintext):
    start = header(0, key_id(key))
    return start + seal(key, start + context, plaintext)


def open_direct(key, context, message):
    start = checked_header(0, key_id(key), message)
    return open_(key, start + context, message[HEADER:])


def seal_enveloped(key, context, plaintext):
    start = header(1, key_id(key))
    data_key = os.urandom(32)
    body = seal(data_key, b"crypto/v1/body" + context, plaintext)
    return start + seal(key, start, data_key) + body


def open_enveloped(key, context, message):
    start = checked_header(1, key_id(key), message)
    data_key = open_(key, start, message[HEADER:ENVELOPE])
    return open_(data_key, b"crypto/v1/body" + context, message[ENVELOPE:])


def stretch(passphrase, salt, log_n, r, p):
    text = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt=salt, length=32, n=2**log_n, r=r, p=p).derive(text)


def seal_passphrase(passphrase, use, context, plaintext):
    salt = os.urandom(16)
    start = header(2, bytes(8)) + salt + bytes([17, 8, 1])
    bound = start + b"crypto/v1/" + use.encode() + b"\0" + context
    return start + seal(stretch(passphrase, salt, 17, 8, 1), bound, plaintext)


def open_passphrase(passphrase, use, context, message):
    start = checked_header(2, bytes(8), message) + message[HEADER:32]
    salt, cost = start[13:29], start[29:32]
    bound = start + b"crypto/v1/" + use.encode() + b"\0" + context
    return open_(stretch(passphrase, salt, *cost), bound, message[32:])


def mac(key, context, data):
    bound = b"crypto/v1/mac\0" + hashlib.sha512(data).digest() + context
    return key_id(key) + hmac.digest(key, bound, "sha512")[:32]


def run(job):
    do, context, data = job["do"], decode(job.get("context", "")), decode(job["data"])
    if do.endswith("passphrase"):
        function = seal_passphrase if do.startswith("seal") else open_passphrase
        return function(job["passphrase"], job["use"], context, data)
    key = decode(job["key"])
    if do == "key id":
        return key_id(key)
    if do.endswith("fernet"):
        fernet = Fernet(base64.urlsafe_b64encode(key))
        return fernet.encrypt(data) if do.startswith("seal") else fernet.decrypt(data)
    functions = {
        "mac": mac,
        "seal body": seal,
        "open body": open_,
        "seal direct": seal_direct,
        "open direct": open_direct,
        "seal enveloped": seal_enveloped,
        "open enveloped": open_enveloped,
    }
    return functions[do](key, context, data)


def result(job):
    try:
        return {"data": encode(run(job))}
    except Exception as error:
        return {"error": type(error).__name__}


json.dump([result(job) for job in json.load(sys.stdin)], sys.stdout)
