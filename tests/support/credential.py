"""Asks for a credential as systemd does: from an abstract address, or from none.
Arguments: the socket, the address after its zero byte, the user to do it as, and the group if that is
another. Prints what came as JSON: how many bytes, and the text if there are few."""
import json, os, socket, sys

path, address, user, *group = sys.argv[1:]
os.setgroups([])
os.setgid(int((group or [user])[0]))
os.setuid(int(user))
with socket.socket(socket.AF_UNIX) as one:
    if address:
        one.bind("\0" + address)
    one.connect(path)
    one.shutdown(socket.SHUT_WR)
    content = b"".join(iter(lambda: one.recv(65536), b""))
text = content.decode(errors="replace") if len(content) <= 65536 else None
print(json.dumps({"length": len(content), "text": text}))
