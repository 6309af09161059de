# SPDX-License-Identifier: Apache-2.0
"""Certificates made by the openssl command, good ones and others, and ways to spoil a handshake."""

import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from .front import later


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


class Certificates:
    """An authority, and certificates for 127.0.0.1 and for others."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="embstore-tls-"))
        self._authority("ca")
        self._authority("other-ca")
        for name, days, subject, authority in (("good", "9", "IP:127.0.0.1", "ca"),
                                               ("wrong-name", "9", "DNS:example.com", "ca"),
                                               ("expired", "-1", "IP:127.0.0.1", "ca"),
                                               ("other", "9", "IP:127.0.0.1", "other-ca")):
            self._signed(name, days, subject, authority)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "self-signed.key", "-out", "self-signed.pem", "-days", "9", "-subj",
                "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", cwd=self.dir)

    def _authority(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", name + ".key", "-out", name + ".pem", "-days", "9", "-subj",
                "/CN=" + name, cwd=self.dir)

    def _signed(self, name, days, subject, authority):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name,
                cwd=self.dir)
        (self.dir / (name + ".ext")).write_text("subjectAltName=" + subject + "\n")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey",
                authority + ".key", "-CAcreateserial", "-days", days, "-extfile", name + ".ext",
                "-out", name + ".pem", cwd=self.dir)

    def context(self, name, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.dir / (name + ".pem"), self.dir / (name + ".key"))
        return context


_made = []
_mutex = threading.Lock()


def certificates():
    """The same ones for all."""
    with _mutex:
        if not _made:
            _made.append(Certificates())
        return _made[0]


def remove_certificates():
    for made in _made:
        shutil.rmtree(made.dir, ignore_errors=True)


# --- Handshakes: for each connection, before TLS; True lets it begin ------------------------------


class Once:
    """Spoils the first connection only."""

    def __init__(self, spoil):
        self._spoil = spoil
        self._done = False

    def __call__(self, stream):
        if self._done:
            return True
        self._done = True
        stream.recv(65536)  # The client's hello.
        return self._spoil(stream)


def closed(stream):
    return False


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def not_tls(stream):
    stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    return False


def cut_record(stream):
    """The head of a record, and half of what it announces."""
    stream.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20))
    return False


def silent(stream):
    later(2)
    return False
