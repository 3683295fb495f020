"""Flights of devices that somebody changes on their way."""

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.dtls import records
from homeport.dtls.handshake import Established
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Suite
from tests.support.dtls import alerts, meeting
from tests.support.handshakes import Meeting, straight

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
CBC = SUITES[-1]
CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE, FINISHED = 11, 15, 16, 20


def tampered(suite: Suite, change: Callable[[bytes], bytes]) -> Meeting:
    """Run a meeting whose client flight is changed on its way."""

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        flight = datagram[13] in (11, 16)
        return straight(change(datagram) if flight else datagram)

    met = meeting(suite, line=line).run()
    assert met.server is not None
    assert not isinstance(met.server.result, Established)
    return met


def without(kind: int) -> Callable[[bytes], bytes]:
    """Take a handshake message out, and close the gap in the numbers."""

    def change(datagram: bytes) -> bytes:
        kept, gap = [], 0
        for record in records.parse(datagram, 0):
            fragment = record.fragment
            if record.epoch == 0 and record.kind == ContentType.HANDSHAKE:
                if fragment[0] == kind:
                    gap = 1
                    continue
                number = int.from_bytes(fragment[4:6], "big") - gap
                fragment = fragment[:4] + number.to_bytes(2, "big") + fragment[6:]
            kept.append(
                records.build(record.kind, record.epoch, record.sequence, fragment)
            )
        return b"".join(kept)

    return change


def flipped(kind: int) -> Callable[[bytes], bytes]:
    """Flip the last bit of a handshake message, or with epoch 1 of the Finished."""

    def change(datagram: bytes) -> bytes:
        parts = []
        for record in records.parse(datagram, 0):
            raw = record.raw
            finished = record.epoch == 1 and kind == 20
            if finished or (record.epoch == 0 and record.fragment[0] == kind):
                raw = raw[:-1] + bytes((raw[-1] ^ 1,))
            parts.append(raw)
        return b"".join(parts)

    return change


@pytest.mark.conforms("C-216")
def test_an_identity_with_nul_is_refused_unasked() -> None:
    met = tampered(PSK, lambda raw: raw.replace(b"device", b"dev\0ce"))
    assert "NUL" in met.failure
    met.close()


@pytest.mark.parametrize("kind", [CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE])
@pytest.mark.conforms("C-219", "CVE-2021-34433")
def test_no_message_of_a_certified_client_can_be_left_out(kind: int) -> None:
    tampered(ECDSA, without(kind)).close()


@pytest.mark.parametrize(
    "kind", [CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE, FINISHED]
)
def test_no_message_of_a_certified_client_can_be_changed(kind: int) -> None:
    tampered(ECDSA, flipped(kind)).close()


def test_a_finished_that_was_changed_is_met_with_silence() -> None:
    met = tampered(PSK, flipped(FINISHED))
    assert met.failure == "the keys differ"
    assert alerts(met) == []
    met.close()


@pytest.mark.parametrize("suite", [PSK, CBC], ids=["AEAD", "CBC"])
def test_a_forged_finished_does_not_stand_in_the_way_of_the_true_one(
    suite: Suite,
) -> None:
    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        forged = flipped(FINISHED)(datagram)
        return [(each, 0.0) for each in dict.fromkeys((forged, datagram))]

    met = meeting(suite, line=line).run()
    assert met.established
    met.close()


def test_a_client_without_certificate_is_refused() -> None:
    empty = bytes.fromhex("0b 000003 0002 000000 000003 000000")

    def change(datagram: bytes) -> bytes:
        first, *rest = records.parse(datagram, 0)
        shown = records.build(first.kind, 0, first.sequence, empty)
        return shown + b"".join(record.raw for record in rest)

    met = tampered(ECDSA, change)
    assert met.failure == "has no certificate"
    met.close()


@given(noise=st.lists(st.binary(max_size=60), max_size=5), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_noise_in_the_flight_is_survived(noise: list[bytes], seed: int) -> None:
    chance = random.Random(seed)

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        if datagram[13] not in (11, 16):
            return straight(datagram)
        spoiled = bytearray(datagram)
        spoiled[chance.randrange(len(spoiled))] ^= chance.randrange(256)
        forged = [
            records.build(22, chance.randrange(2), chance.randrange(9), part or b"\0")
            for part in noise
        ]
        return [(each, 0.0) for each in (*forged, bytes(spoiled), datagram)]

    met = meeting(PSK, line=line).run()
    assert met.server is not None
    met.close()
