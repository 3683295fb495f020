"""The installation's own certificates: made, made anew, and brought."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homeport.errors import InvalidParameter
from homeport.identity import Service
from homeport.pki import authorities as pki
from homeport.pki import certificates, servers
from homeport.pki.authorities import Authority
from services.directory.credentials import authorities
from services.directory.credentials.authorities import Brought, Held, Name
from tests.support.directory import key_pem_of, pem_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
HOSTS = {
    Service.BOOTSTRAP: ("bootstrap.example", "localhost"),
    Service.LWM2M: ("lwm2m.example", "localhost"),
}
MOVED = HOSTS | {Service.LWM2M: ("moved.example", "localhost")}
ROOT = pki.create_root("own root")


def by_name(made: list[Held]) -> dict[Name, Held]:
    return {held.name: held for held in made}


FIRST = by_name(authorities.complete({}, HOSTS, now=NOW))


def pair(authority: Authority) -> Brought:
    exported = authority.export()
    return Brought(pem_of(exported.certificate), key_pem_of(exported.key))


def server(root: Authority, *hosts: str) -> Brought:
    made = pki.create_server(root, hosts or ("own.example",))
    return Brought(pem_of(made.certificate), key_pem_of(made.key))


def without_key(brought: Brought) -> Brought:
    return Brought(brought.certificate)


def brought(
    name: Name, what: Brought, own_servers: Mapping[Name, Brought] | None = None
) -> dict[Name, Held]:
    """Bring something, and return all that is kept then."""
    new = authorities.bring(name, what, own_servers or {}, kept=FIRST, now=NOW)
    kept = FIRST | by_name(new)
    return kept | by_name(authorities.complete(kept, HOSTS, now=NOW))


def assert_signed(kept: Mapping[Name, Held]) -> None:
    root = certificates.parse(kept[Name.ROOT].certificate)
    for name in (Name.BOOTSTRAP, Name.LWM2M):
        assert certificates.parse(kept[name].certificate).is_signed_by(root)


def test_the_first_start_makes_all_of_them() -> None:
    assert set(FIRST) == set(Name)
    assert_signed(FIRST)
    assert servers.hosts(FIRST[Name.LWM2M].certificate) == {
        "lwm2m.example",
        "localhost",
    }
    assert not any(held.brought for held in FIRST.values())


def test_the_next_start_makes_none() -> None:
    assert authorities.complete(FIRST, HOSTS, now=NOW) == []


def test_a_server_that_is_called_otherwise_gets_another() -> None:
    (made,) = authorities.complete(FIRST, MOVED, now=NOW)
    assert made.name is Name.LWM2M
    assert servers.hosts(made.certificate) == {"moved.example", "localhost"}


def test_the_edges_are_told_everything_but_the_key_of_the_root() -> None:
    told = authorities.installation(FIRST)
    assert told.root == FIRST[Name.ROOT].certificate
    assert told.issuer.key == FIRST[Name.ISSUER].key
    assert told.servers[Service.LWM2M].key == FIRST[Name.LWM2M].key
    assert FIRST[Name.ROOT].key not in (told.issuer.key, *told.servers.values())


def test_an_own_issuer_changes_nothing_else() -> None:
    kept = brought(Name.ISSUER, pair(ROOT))
    assert kept == FIRST | {Name.ISSUER: kept[Name.ISSUER]}
    assert kept[Name.ISSUER].brought


@pytest.mark.parametrize("name", list(Name))
def test_another_one_has_another_key_and_is_of_ours(name: Name) -> None:
    made = authorities.renew(name, kept=FIRST, hosts=MOVED, now=NOW)
    assert made.name is name
    assert not made.brought
    assert made.key not in {held.key for held in FIRST.values()}
    kept = FIRST | {name: made}
    assert_signed(kept | by_name(authorities.complete(kept, MOVED, now=NOW)))


@pytest.mark.parametrize("name", [Name.ROOT, Name.ISSUER])
def test_another_authority_is_called_otherwise(name: Name) -> None:
    made = authorities.renew(name, kept=FIRST, hosts=HOSTS, now=NOW)
    before, after = (
        certificates.parse(each.certificate).name for each in (FIRST[name], made)
    )
    assert before != after


def test_without_the_key_of_the_root_there_is_no_other_server_certificate() -> None:
    kept = FIRST | {Name.ROOT: replace(FIRST[Name.ROOT], key=None)}
    with pytest.raises(InvalidParameter, match="root's key is not here"):
        authorities.renew(Name.LWM2M, kept=kept, hosts=HOSTS, now=NOW)


def test_under_an_own_root_servers_get_other_certificates() -> None:
    kept = brought(Name.ROOT, pair(ROOT))
    assert kept[Name.ROOT].certificate == ROOT.certificate.der
    assert_signed(kept)


def test_a_root_without_its_key_comes_with_both_servers() -> None:
    own = {name: server(ROOT) for name in (Name.BOOTSTRAP, Name.LWM2M)}
    kept = brought(Name.ROOT, without_key(pair(ROOT)), own)
    assert kept[Name.ROOT].key is None
    assert kept[Name.BOOTSTRAP].brought
    assert_signed(kept)
    assert authorities.complete(kept, MOVED, now=NOW) == []


def test_a_root_without_its_key_and_a_server_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="lwm2m is needed"):
        brought(Name.ROOT, without_key(pair(ROOT)), {Name.BOOTSTRAP: server(ROOT)})


def test_an_own_server_has_to_be_of_the_root() -> None:
    exported = FIRST[Name.ROOT]
    root = pki.parse(
        pem_of(exported.certificate), key_pem_of(exported.key or b""), now=NOW
    )
    kept = brought(Name.LWM2M, server(root))
    assert kept[Name.LWM2M].brought
    with pytest.raises(InvalidParameter, match="not signed by the root"):
        brought(Name.LWM2M, server(ROOT))


@pytest.mark.parametrize("name", [Name.ISSUER, Name.BOOTSTRAP, Name.LWM2M])
def test_what_signs_or_serves_needs_its_key(name: Name) -> None:
    with pytest.raises(InvalidParameter, match="private_key is needed"):
        brought(name, without_key(pair(ROOT)))


def test_no_key_is_shown() -> None:
    assert "key=" not in repr(FIRST)
    assert "PRIVATE" not in repr(pair(ROOT))


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (
            "coaps://home.example:5684",
            ("home.example", "localhost", "127.0.0.1", "::1"),
        ),
        ("coaps://127.0.0.1:5684", ("127.0.0.1", "localhost", "::1")),
        (
            "coaps://[2001:db8:0:0::1]:5684",
            ("2001:db8::1", "localhost", "127.0.0.1", "::1"),
        ),
    ],
)
def test_a_server_is_called_by_its_public_name_and_on_loopback(
    url: str, hosts: tuple[str, ...]
) -> None:
    assert authorities.hosts_of(url) == hosts
