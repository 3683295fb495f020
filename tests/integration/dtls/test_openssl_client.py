"""`openssl s_client` against the server's side of a handshake, on a real socket."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from homeport.dtls import cookies, messages, records
from homeport.dtls.context import CertifiedKey
from homeport.dtls.credentials import Admission
from homeport.dtls.handshake import Established, ServerHandshake
from homeport.dtls.records import ContentType
from homeport.dtls.streams import Phase, TlsSession
from homeport.dtls.suites import SUITES, Suite
from homeport.identity import NOBODY
from tests.support.dtls import KEY, house, server_context
from tests.support.handshakes import SECRETS

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is needed"),
]

PATIENCE_SECONDS = 10.0
ADMISSION = Admission(NOBODY, key=KEY.key, anchors=(house().authority.der,))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Write what the program reads."""
    (tmp_path / "ca.pem").write_bytes(_pem(house().authority.der))
    (tmp_path / "device.pem").write_bytes(_pem(house().device.chain[0]))
    (tmp_path / "device.key").write_bytes(_key(house().device))
    return tmp_path


def _pem(der: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(certified: CertifiedKey) -> bytes:
    key = serialization.load_der_private_key(certified.key, None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def client(
    files: Path, port: int, suite: Suite, *options: str
) -> subprocess.Popen[bytes]:
    shown: Sequence[str] = (
        ("-psk_identity", KEY.identity.decode(), "-psk", KEY.key.hex())
        if suite.psk
        else ("-cert", "device.pem", "-key", "device.key", "-CAfile", "ca.pem")
    )
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options]
    command += ["-cipher", f"{suite.name}:@SECLEVEL=0", *shown]
    return subprocess.Popen(
        command, cwd=files, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(PATIENCE_SECONDS)
        yield opened


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_it_shakes_hands_over_dtls_and_is_heard(
    suite: Suite, files: Path, udp: socket.socket
) -> None:
    port = udp.getsockname()[1]
    program = client(files, port, suite, "-dtls1_2", "-mtu", "600")
    assert program.stdin is not None
    try:
        established = _serve(udp)
        program.stdin.write(b"message\n")
        program.stdin.flush()
        (record,) = records.parse(udp.recv(2048), 0)
        opened = established.association.open(record)
        assert opened == (ContentType.APPLICATION, b"message\n")
        if suite.aead is None:
            established.association.close()
    finally:
        program.kill()
        program.communicate()


def _serve(udp: socket.socket) -> Established:
    """Shake hands as the listener does."""
    handshake = None
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        datagram, address = udp.recvfrom(2048)
        for record in records.parse(datagram, 0):
            if handshake is None:
                hello = messages.parse_client_hello(record)
                if not cookies.valid(SECRETS, address, hello):
                    made = cookies.cookie(SECRETS[0], address, hello)
                    udp.sendto(cookies.hello_verify_request(hello, made), address)
                    continue
                handshake = ServerHandshake(server_context(), hello, cid=b"c" * 8)
            handshake.receive([record], time.monotonic())
            if handshake.credential is not None:
                handshake.admit(ADMISSION, time.monotonic())
        if handshake is None:
            continue
        result = handshake.result
        last = result.last_flight if isinstance(result, Established) else ()
        for outgoing in (*handshake.datagrams(), *last):
            udp.sendto(outgoing, address)
        if result is not None:
            assert isinstance(result, Established), result
            return result
    raise TimeoutError("nobody has come in")


def test_it_may_not_renegotiate_over_tls(files: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_SECONDS)
        port = listening.getsockname()[1]
        program = client(files, port, SUITES[0], "-tls1_2")
        session = TlsSession(server_context(stream=True))
        try:
            with listening.accept()[0] as opened:
                opened.settimeout(PATIENCE_SECONDS)
                while session.phase is not Phase.OPEN:
                    _exchange(session, opened)
                opened.sendall(session.outgoing())
                assert program.stdin is not None
                program.stdin.write(b"R\n")
                program.stdin.flush()
                _exchange(session, opened)
                refusal = session.outgoing()
                assert refusal[0] == ContentType.ALERT
                assert session.messages() == []
        finally:
            session.close()
            program.kill()
            program.communicate()


def _exchange(session: TlsSession, opened: socket.socket) -> None:
    opened.sendall(session.outgoing())
    received = opened.recv(4096)
    assert received != b""
    session.receive(received)
    if session.phase is Phase.ADMISSION:
        session.admit(ADMISSION)
