"""A client of the crypto daemon: docs/protocol.md in thirty lines."""
import json
import os
import socket


class Crypto:
    def __init__(self, path=os.environ.get("CRYPTO_SOCKET", "/run/crypto/crypto.sock")):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        self.lines = connection.makefile("rw", encoding="utf-8", newline="\n")

    def ask(self, method, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        print(json.dumps(request), file=self.lines, flush=True)
        answer = json.loads(self.lines.readline() or "{}")
        if "result" in answer:
            return answer["result"]
        raise RuntimeError(answer.get("error", {}).get("data", {}).get("code", "unavailable"))

    def status(self):
        return self.ask("status")

    def encrypt(self, text, **more):
        return self.ask("encrypt", text=text, **more)["message"]

    def decrypt(self, message, **more):
        return self.ask("decrypt", message=message, **{"as": "text"}, **more)["text"]
