"""Records are opened once, sealed under numbers of their own, by any edge in turn."""

from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls import records, suites
from homeport.dtls.association import (
    LAST_GENERATION,
    WINDOW,
    Association,
    CidForm,
    Protection,
)
from homeport.dtls.keys import Keys
from homeport.dtls.records import Record
from homeport.dtls.suites import SUITES, Suite
from homeport.errors import InvalidFormat

CLIENT_KEY, SERVER_KEY = bytes(range(16)), bytes(range(16, 32))
CLIENT_IV, SERVER_IV = b"\xa1\xa2\xa3\xa4", b"\xb1\xb2\xb3\xb4"
KEYS = Keys(client=CLIENT_KEY + CLIENT_IV, server=SERVER_KEY + SERVER_IV)
CID = bytes.fromhex("c1c2c3c4c5c6c7c8")
PEER_CID = bytes.fromhex("d1d2d3d4d5d6")
SUITE = SUITES[0]
AEADS = [suite for suite in SUITES if suite.aead is not None]
FORMS = [
    (CidForm.NONE, b"", b""),
    (CidForm.RFC, CID, PEER_CID),
    (CidForm.RFC, CID, b""),
    (CidForm.RFC, b"", PEER_CID),
    (CidForm.DRAFT, CID, PEER_CID),
    (CidForm.DRAFT, CID, b""),
]
Form = tuple[CidForm, bytes, bytes]

every_suite = pytest.mark.parametrize("suite", AEADS, ids=lambda suite: suite.name)
every_form = pytest.mark.parametrize("form", FORMS, ids=str)


def server(
    suite: Suite = SUITE, form: Form = FORMS[1], *, received: int = 0
) -> Association:
    return Association(
        suite,
        KEYS,
        server=True,
        received=received,
        form=form[0],
        cid=form[1],
        peer_cid=form[2],
    )


def device(suite: Suite = SUITE, form: Form = FORMS[1]) -> Association:
    return Association(
        suite,
        KEYS,
        server=False,
        received=0,
        form=form[0],
        cid=form[2],
        peer_cid=form[1],
    )


def parsed(raw: bytes, cid: bytes = CID) -> Record:
    (record,) = records.parse(raw, len(cid))
    return record


def sent(count: int) -> list[Record]:
    sender = device()
    return [parsed(sender.seal(23, b"%d" % number)) for number in range(count)]


def by_the_book(suite: Suite, form: Form, position: bytes, content: bytes) -> bytes:
    """Build a server's application record as the specifications spell it out."""
    kind, _, cid = form
    tag = 8 if "CCM8" in suite.name else 16
    aead = (
        AESGCM(SERVER_KEY)
        if "GCM" in suite.name
        else AESCCM(SERVER_KEY, tag_length=tag)
    )
    nonce = SERVER_IV + position
    if not cid:  # RFC 6655 §3, RFC 5246 §6.2.3.3
        additional = position + b"\x17\xfe\xfd" + len(content).to_bytes(2, "big")
        sealed = position + aead.encrypt(nonce, content, additional)
        return b"\x17\xfe\xfd" + position + len(sealed).to_bytes(2, "big") + sealed
    inner = content + b"\x17"
    cid_length = bytes([len(cid)])
    inner_length = len(inner).to_bytes(2, "big")
    if kind is CidForm.RFC:  # RFC 9146 §5.3
        additional = b"\xff" * 8 + b"\x19" + cid_length + b"\x19\xfe\xfd"
        additional += position + cid + inner_length
    else:  # TLS-31
        additional = position + b"\x19\xfe\xfd" + cid + cid_length + inner_length
    sealed = position + aead.encrypt(nonce, inner, additional)
    return b"\x19\xfe\xfd" + position + cid + len(sealed).to_bytes(2, "big") + sealed


@every_suite
@every_form
@pytest.mark.conforms("C-051", "C-052", "RFC 9146 §5.3", "TLS-31")
def test_a_record_is_the_one_that_the_specifications_spell_out(
    suite: Suite, form: Form
) -> None:
    ours = server(suite, form)
    for number in range(2):
        position = bytes.fromhex(f"0001 000001 00000{number}")
        expected = by_the_book(suite, form, position, b"content")
        assert ours.seal(23, b"content") == expected
        record = parsed(expected, form[2])
        assert device(suite, form).open(record) == (23, b"content")


@given(
    st.sampled_from(AEADS),
    st.sampled_from(FORMS),
    st.sampled_from([21, 22, 23]),
    st.binary(max_size=200),
)
def test_what_one_side_seals_the_other_opens(
    suite: Suite, form: Form, kind: int, content: bytes
) -> None:
    us, them = server(suite, form), device(suite, form)
    assert us.open(parsed(them.seal(kind, content), form[1])) == (kind, content)
    assert them.open(parsed(us.seal(kind, content), form[2])) == (kind, content)


def test_what_openssl_sealed_is_sealed_again_under_the_same_number() -> None:
    assert SUITE.aead is not None
    plain = Protection(SUITE.aead, KEYS.client)
    with_cid = Protection(SUITE.aead, KEYS.client, CidForm.RFC, CID)
    opened = plain.open(parsed(plain.seal(22, 0, b"Finished")))
    assert opened == (22, b"Finished")
    assert with_cid.open(parsed(with_cid.seal(22, 0, b"Finished"))) == opened


@pytest.mark.parametrize("padding", [0, 1, 15])
def test_padding_is_taken_off(padding: int) -> None:
    assert SUITE.aead is not None
    padded = device().outward.seal(0, 7, b"content\x17" + bytes(padding))
    assert server().open(parsed(padded)) == (23, b"content")


def test_a_record_of_padding_alone_is_none() -> None:
    assert server().open(parsed(device().outward.seal(0, 7, bytes(5)))) is None


@every_suite
@every_form
def test_no_record_with_a_flipped_bit_is_opened(suite: Suite, form: Form) -> None:
    us = server(suite, form)
    raw = device(suite, form).seal(23, b"content")
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        for record in records.parse(bytes(flipped), len(form[1])):
            assert us.open(record) is None
    assert us.open(parsed(raw, form[1])) == (23, b"content")


@given(st.binary(min_size=1, max_size=60), st.sampled_from(FORMS))
def test_no_record_of_nonsense_is_opened(fragment: bytes, form: Form) -> None:
    us = server(form=form)
    begin = b"\x19\xfe\xfd\0\1\0\0\1\0\0\0" + form[1]
    made = begin + len(fragment).to_bytes(2, "big") + fragment
    for raw in (made, records.build(23, 1, 1, fragment)):
        assert all(us.open(each) is None for each in records.parse(raw, len(form[1])))
    assert us.received == 0


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_record_of_another_epoch_is_not_opened(epoch: int) -> None:
    record = parsed(device().seal(23, b"content"))
    assert server().open(record._replace(epoch=epoch)) is None


def test_a_record_with_another_connection_id_is_not_opened() -> None:
    record = parsed(device().seal(23, b"content"))
    assert server().open(record._replace(cid=bytes(8))) is None


@pytest.mark.parametrize(("ours", "theirs"), [(1, 0), (0, 1), (1, 4), (4, 1)])
def test_a_record_in_another_form_is_not_opened(ours: int, theirs: int) -> None:
    raw = device(form=FORMS[theirs]).seal(23, b"content")
    assert server(form=FORMS[ours]).open(parsed(raw)) is None


def test_our_own_record_is_not_opened() -> None:
    us = server(form=FORMS[0])
    assert us.open(parsed(us.seal(23, b"content"))) is None


def test_a_record_is_opened_once() -> None:
    us = server()
    (record,) = sent(1)
    assert us.open(record) == (23, b"0")
    assert us.open(record) is None


@given(st.lists(st.integers(1, 200), max_size=60))
def test_records_out_of_order_are_opened_once_within_the_window(
    arriving: list[int],
) -> None:
    us, sender = server(), device()
    newest, seen = 0, {0}
    for sequence in arriving:
        record = parsed(sender.outward.seal(23, sequence, b"content"))
        fresh = sequence not in seen and sequence > newest - WINDOW
        assert us.peek(record) is fresh
        assert (us.open(record) is not None) is fresh
        if fresh:
            seen.add(sequence)
            newest = max(newest, sequence)
        assert us.received == newest
        assert us._window < 1 << WINDOW


@pytest.mark.parametrize(("behind", "opened"), [(63, True), (64, False)])
def test_a_window_ends_behind_its_last_record(behind: int, *, opened: bool) -> None:
    us, sender = server(), device()
    assert us.open(parsed(sender.outward.seal(23, 1_000, b"newest")))
    late = parsed(sender.outward.seal(23, 1_000 - behind, b"late"))
    assert (us.open(late) is not None) is opened


def test_a_window_leaps_over_any_gap() -> None:
    us, sender = server(), device()
    for sequence in (1, 2**48 - 1):
        raw = sender.outward.seal(23, sequence, b"content")
        assert us.open(parsed(raw)) == (23, b"content")
    assert us.received == 2**48 - 1


@pytest.mark.conforms("C-227", "CVE-2021-42141", "CVE-2021-42142")
def test_a_forged_record_does_not_move_the_window() -> None:
    us = server()
    first, second = sent(2)
    forged = parsed(second.raw[:-1] + bytes([second.raw[-1] ^ 1]))
    assert not us.peek(forged)
    assert us.open(forged) is None
    assert us.received == 0
    assert us.open(second) == (23, b"1")
    assert us.open(first) == (23, b"0")


def test_a_look_at_a_record_does_not_count_as_opening_it() -> None:
    us = server()
    (record,) = sent(1)
    assert us.peek(record)
    assert us.peek(record)
    assert us.received == 0
    assert us.open(record) == (23, b"0")
    assert not us.peek(record)


def test_nothing_up_to_what_was_received_is_opened_by_the_next_edge() -> None:
    first, second, third = sent(3)
    us = server()
    us.open(second)
    other = Association.load(us.export(), generation=2, received=us.received)
    assert other.open(first) is None
    assert other.open(second) is None
    assert other.open(third) == (23, b"2")


@every_suite
@every_form
def test_the_next_edge_goes_on_in_its_own_generation(suite: Suite, form: Form) -> None:
    us, them = server(suite, form), device(suite, form)
    last = parsed(us.seal(23, b"last"), form[2])
    other = Association.load(us.export(), generation=2, received=0)
    record = parsed(other.seal(23, b"content"), form[2])
    assert other.generation == 2
    assert other.suite is suite
    assert other.cid == form[1]
    assert record.sequence == 2 << 24 > last.sequence == 1 << 24
    assert them.open(record) == (23, b"content")
    assert them.open(last) is None
    assert other.open(parsed(them.seal(23, b"answer"), form[1])) == (23, b"answer")
    assert other.export() == us.export()


def test_an_export_is_small() -> None:
    assert len(server().export()) == 44 + len(CID) + len(PEER_CID)


@given(st.binary(max_size=70) | st.binary(max_size=20).map(server().export().__add__))
def test_any_export_is_loaded_or_refused(secrets: bytes) -> None:
    try:
        loaded = Association.load(secrets, generation=2, received=0)
    except InvalidFormat:
        return
    assert loaded.export() == secrets


@pytest.mark.parametrize(
    "change",
    [
        lambda secrets: secrets[:43],
        lambda secrets: secrets[:44],
        lambda secrets: b"\x13\x01" + secrets[2:],
        lambda secrets: b"\x00\xae" + secrets[2:],
        lambda secrets: secrets[:2] + b"\1" + secrets[3:],
    ],
)
def test_an_export_with_one_thing_wrong_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(InvalidFormat):
        Association.load(change(server().export()), generation=2, received=0)


def test_a_generation_ends_before_its_numbers_run_into_the_next() -> None:
    us = server()
    us._next = (2 << 24) - 1
    assert not us.exhausted
    assert parsed(us.seal(23, b"last"), PEER_CID).sequence == 0x1FFFFFF
    assert us.exhausted
    with pytest.raises(ValueError, match="exhausted"):
        us.seal(23, b"too much")
    us.advance(2)
    assert not us.exhausted
    assert parsed(us.seal(23, b"next"), PEER_CID).sequence == 0x2000000


@pytest.mark.parametrize(("generation", "sequence"), [(0, 3), (1, 0x1000000)])
def test_what_follows_a_handshake_has_numbers_of_its_own(
    generation: int, sequence: int
) -> None:
    us = Association(SUITE, KEYS, server=True, received=0, generation=generation)
    us.go_on(received=5, sealed=3)
    assert us.received == 5
    assert parsed(us.seal(23, b"first"), b"").sequence == sequence
    us.go_on(received=5, sealed=3)
    assert parsed(us.seal(23, b"second"), b"").sequence == sequence + 1


@pytest.mark.parametrize("generation", [0, 1, 2, LAST_GENERATION + 1])
def test_a_generation_never_comes_back(generation: int) -> None:
    us = server()
    us.advance(2)
    with pytest.raises(ValueError, match="generation"):
        us.advance(generation)
    assert us.generation == 2


def test_the_last_generation_ends_like_any_other() -> None:
    us = server()
    us.advance(LAST_GENERATION)
    us._next = 2**48 - 1
    us.seal(23, b"last")
    assert us.exhausted


def test_an_association_of_a_suite_without_aead_is_openssls() -> None:
    with pytest.raises(ValueError, match="CBC"):
        server(SUITES[-1])
    assert suites.by_number(0x00AE) is SUITES[-1]


def test_nothing_secret_is_shown() -> None:
    assert SUITE.aead is not None
    protection = Protection(SUITE.aead, b"secret" * 3, CidForm.RFC, CID)
    assert "secret" not in repr(protection)
    assert repr(KEYS) == "Keys()"
    assert KEYS.client.hex() not in repr(server()) + str(vars(type(server())))


@dataclass
class Edges:
    """Edges that take one association from each other, as the store lets them.

    The store counts a generation before it answers; an edge may die with the answer,
    and one that was superseded may not have heard of it yet.
    """

    stored: bytes
    generations: int = 1
    edges: list[Association] = field(default_factory=list)
    positions: list[tuple[int, int]] = field(default_factory=list)

    def take(self, edge: int, *, dies: bool = False) -> None:
        self.generations += 1
        if not dies:
            taken = Association.load(
                self.stored, generation=self.generations, received=0
            )
            self.edges.insert(edge % (len(self.edges) + 1), taken)

    def export(self, edge: int) -> None:
        if self.edges:
            self.stored = self.edges[edge % len(self.edges)].export()

    def die(self, edge: int) -> None:
        if self.edges:
            del self.edges[edge % len(self.edges)]

    def nearly_exhaust(self, edge: int) -> None:
        if self.edges:
            association = self.edges[edge % len(self.edges)]
            association._next |= 0xFFFFFE

    def seal(self, edge: int) -> None:
        if not self.edges:
            return
        association = self.edges[edge % len(self.edges)]
        if association.exhausted:
            self.generations += 1
            association.advance(self.generations)
        record = parsed(association.seal(23, b"content"), PEER_CID)
        self.positions.append((record.epoch, record.sequence))


STEPS = {
    "take": Edges.take,
    "die taking": lambda edges, edge: edges.take(edge, dies=True),
    "export": Edges.export,
    "die": Edges.die,
    "nearly exhaust": Edges.nearly_exhaust,
    "seal": Edges.seal,
}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*STEPS, "seal", "seal"]),
            st.integers(0, 5),
            st.integers(1, 4),
        ),
        max_size=60,
    )
)
def test_no_number_is_used_twice_whichever_edges_die(
    steps: list[tuple[str, int, int]],
) -> None:
    first = server()
    edges = Edges(first.export(), edges=[first])
    for name, edge, times in steps:
        for _ in range(times):
            STEPS[name](edges, edge)
    assert len(edges.positions) == len(set(edges.positions))
    assert all(sequence >= 1 << 24 for _, sequence in edges.positions)
