"""A client of the older service, and its tokens by pyca/cryptography.

Usage: legacy.py KEY, with the daemon's socket in CRYPTO_SOCKET. Prints what it saw as JSON.
"""

import base64
import json
import os
import socket
import sys

from cryptography.fernet import Fernet

fernet = Fernet(sys.argv[1])


def ask(command, payload):
    """As the older clients did: no line break, one answer, hang up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["CRYPTO_SOCKET"])
        connection.sendall(json.dumps({"command": command, "payload": payload}).encode())
        return json.loads(connection.recv(4096).decode())


text = "an old secret ü"
encrypted = ask("encrypt", text)
token = base64.b64decode(encrypted["encrypted"])
own = base64.b64encode(fernet.encrypt(text.encode())).decode()
changed = base64.b64encode(token[:-2] + b"AA").decode()
print(
    json.dumps(
        {
            "encrypted": encrypted["status"],
            "opened here": fernet.decrypt(token).decode() == text,
            "opened there": ask("decrypt", own),
            "round trip": ask("decrypt", encrypted["encrypted"])["decrypted"] == text,
            "refused": [
                ask("decrypt", payload)["status"] for payload in (changed, "no token", token.decode())
            ],
            "unknown": ask("sign", text)["status"],
        }
    )
)
