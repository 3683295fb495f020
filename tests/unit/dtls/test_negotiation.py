import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls.association import CidForm
from homeport.dtls.negotiation import CidNegotiation

BOTH = (CidForm.RFC, CidForm.DRAFT)


def agreed(ours: CidNegotiation, number: int) -> CidNegotiation:
    assert ours.take(number, b"\x02xy")
    return ours


def test_nothing_is_agreed_on_before_the_peer_has_spoken() -> None:
    ours = CidNegotiation(b"abc")
    assert ours.form is CidForm.NONE
    assert ours.cid == b""
    assert ours.peer_cid == b""


@pytest.mark.parametrize("number", [54, 254])
def test_both_forms_are_spoken(number: int) -> None:
    ours = agreed(CidNegotiation(b"abc"), number)
    assert ours.form == number
    assert ours.cid == b"abc"
    assert ours.peer_cid == b"xy"
    assert ours.content(number) == b"\x03abc"


def test_the_rfc_comes_first_whatever_the_peers_order() -> None:
    ours = agreed(agreed(CidNegotiation(b"abc"), 254), 54)
    assert ours.form is CidForm.RFC


def test_an_empty_id_of_the_peers_is_fine() -> None:
    ours = CidNegotiation(b"abc")
    assert ours.take(254, b"\0")
    assert ours.form is CidForm.DRAFT
    assert ours.peer_cid == b""


def test_without_an_own_id_nothing_is_agreed_on() -> None:
    ours = agreed(CidNegotiation(None), 54)
    assert ours.form is CidForm.NONE
    assert ours.content(54) is None


def test_a_form_that_is_not_offered_is_not_spoken() -> None:
    ours = agreed(CidNegotiation(b"", forms=(CidForm.DRAFT,)), 54)
    assert ours.form is CidForm.NONE
    assert ours.content(54) is None
    assert ours.content(254) == b"\0"


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x00x", b"\x03xy"])
def test_a_length_that_is_wrong_is_malformed(content: bytes) -> None:
    ours = CidNegotiation(b"abc")
    assert not ours.take(54, content)
    assert ours.form is CidForm.NONE


@given(content=st.binary(max_size=300))
def test_any_content_is_taken_or_not(content: bytes) -> None:
    good = CidNegotiation(b"abc").take(54, content)
    assert good == (len(content) > 0 and content[0] == len(content) - 1)
