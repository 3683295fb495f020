"""Roots and issuers that others have followed: what of them is still good."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homeport.errors import InvalidParameter
from homeport.identity import Service
from homeport.pki import certificates
from services.directory.credentials import authorities, former_authorities
from services.directory.credentials.authorities import Held, Name
from services.directory.credentials.former_authorities import (
    MOST,
    MOST_WITHDRAWN,
    Former,
)

NOW = datetime(2026, 11, 25, tzinfo=UTC)
HOSTS = dict.fromkeys(Service, ("home.example",))
FIRST = {held.name: held for held in authorities.complete({}, HOSTS, now=NOW)}
SHOWN = authorities.installation(FIRST)
ISSUER = Former(Name.ISSUER, FIRST[Name.ISSUER].certificate)


def renewed(name: Name) -> Mapping[Name, Held]:
    return FIRST | {name: authorities.renew(name, kept=FIRST, hosts=HOSTS, now=NOW)}


def test_what_stays_is_not_former() -> None:
    assert list(former_authorities.retire(FIRST, FIRST)) == []
    for name in (Name.BOOTSTRAP, Name.LWM2M):
        assert list(former_authorities.retire(FIRST, renewed(name))) == []


def test_an_issuer_that_is_replaced_is_remembered_without_its_key() -> None:
    (former,) = former_authorities.retire(FIRST, renewed(Name.ISSUER))
    assert former == ISSUER
    assert former.fingerprint == certificates.fingerprint(former.certificate)


def test_a_root_that_is_replaced_vouches_for_the_one_that_follows() -> None:
    after = renewed(Name.ROOT)
    (former,) = former_authorities.retire(FIRST, after)
    root = certificates.parse(after[Name.ROOT].certificate)
    bridge = certificates.parse(former.bridge)
    assert bridge.is_signed_by(certificates.parse(FIRST[Name.ROOT].certificate))
    assert bridge.name == root.name
    assert bridge.parsed.public_key() == root.parsed.public_key()


def test_a_root_without_its_key_vouches_for_nobody() -> None:
    before = FIRST | {Name.ROOT: replace(FIRST[Name.ROOT], key=None)}
    assert list(former_authorities.retire(before, renewed(Name.ROOT))) == []


@pytest.mark.parametrize("name", [Name.ROOT, Name.ISSUER])
def test_only_so_many_are_good_at_a_time(name: Name) -> None:
    most = [Former(name, bytes([number])) for number in range(MOST[name])]
    former_authorities.require_room(most)
    former_authorities.require_room([*most, Former(name, b"x", withdrawn=True)])
    with pytest.raises(InvalidParameter, match="withdraw one first"):
        former_authorities.require_room([*most, Former(name, b"x")])


def test_edges_know_the_good_and_the_withdrawn_issuers() -> None:
    (other,) = former_authorities.retire(renewed(Name.ISSUER), FIRST)
    gone = replace(ISSUER, withdrawn=True)
    told = former_authorities.remembered(SHOWN, [other, gone])
    assert told.former_issuers == (other.certificate,)
    subject = certificates.parse(ISSUER.certificate).subject_digest
    assert told.withdrawn == (subject,)
    assert replace(told, former_issuers=(), withdrawn=()) == SHOWN


def test_edges_have_the_bridge_of_a_root_that_is_not_withdrawn() -> None:
    root = Former(Name.ROOT, FIRST[Name.ROOT].certificate, b"bridge")
    gone = replace(root, bridge=b"older", withdrawn=True)
    told = former_authorities.remembered(SHOWN, [root, gone])
    assert told == replace(SHOWN, bridge=b"bridge")
    assert former_authorities.remembered(SHOWN, [gone]) == SHOWN


def test_of_very_many_withdrawn_issuers_edges_know_the_last() -> None:
    gone = replace(ISSUER, withdrawn=True)
    told = former_authorities.remembered(SHOWN, [gone] * (MOST_WITHDRAWN + 1))
    assert len(told.withdrawn) == MOST_WITHDRAWN
