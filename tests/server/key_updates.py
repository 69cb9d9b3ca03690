"""Asks a daemon for new TLS keys without end, reads none of its answers, and says when it is stuck."""

import ctypes
import select
import socket
import sys

port, certificate, key = sys.argv[1:]
WANTS_ANSWER = 1
PEM = 1
tls = ctypes.CDLL("libssl.so.3")
for name in ("SSL_CTX_new", "TLS_client_method", "SSL_new"):
    getattr(tls, name).restype = ctypes.c_void_p
context = ctypes.c_void_p(tls.SSL_CTX_new(ctypes.c_void_p(tls.TLS_client_method())))
assert tls.SSL_CTX_use_certificate_file(context, certificate.encode(), PEM) == 1
assert tls.SSL_CTX_use_PrivateKey_file(context, key.encode(), PEM) == 1
peer = socket.socket()
# Few bytes: they are soon full.
peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
peer.connect(("127.0.0.1", int(port)))
ssl = ctypes.c_void_p(tls.SSL_new(context))
assert tls.SSL_set_fd(ssl, peer.fileno()) == 1
assert tls.SSL_connect(ssl) == 1
peer.setblocking(False)
while True:
    tls.SSL_key_update(ssl, WANTS_ANSWER)
    if tls.SSL_do_handshake(ssl) == 1:
        continue
    if not select.select([], [peer], [], 1)[1]:
        break
print("stuck", flush=True)
sys.stdin.read()
