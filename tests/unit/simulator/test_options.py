"""What a fleet can be asked to do, and what makes no sense."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.ca import Api
from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import ready
from homeport.runtime.platform.ready import Ready
from homeport.simulator.options import (
    ConnectionIds,
    Habit,
    Mode,
    Target,
    find_dialect,
    find_target,
    parse_mix,
)

LWM2M = "coap://127.0.0.1:5683"
BOOTSTRAP = "coap://127.0.0.1:5783"
SERVING = Ready(
    account_id="a" * 32,
    api_key="ak_1",
    api="http://127.0.0.1:8080",
    bootstrap={"coap": BOOTSTRAP},
    lwm2m={"coap": LWM2M},
    nats="nats://127.0.0.1:4222",
    redis="redis://127.0.0.1:6379/0",
    postgres="postgresql://127.0.0.1:5432/homeport",
    processes={},
)


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    path = tmp_path / "ready.json"
    ready.write(path, SERVING)
    return path


@pytest.mark.parametrize("name", ["izuma", "lwm2m-1.0", "lwm2m-1.1", "lwm2m-1.2"])
def test_a_dialect_is_found_by_the_name_of_its_profile(name: str) -> None:
    assert find_dialect(name).name == name


def test_a_dialect_that_nobody_speaks_is_a_sentence() -> None:
    with pytest.raises(InvalidConfiguration, match="--profile is none of izuma, lwm2m"):
        find_dialect("toaster")


def test_devices_come_directly_or_by_bootstrap(ready_file: Path) -> None:
    direct = find_target(ready_file=ready_file, mode=Mode.DIRECT)
    assert direct == Target(LWM2M)
    by_bootstrap = find_target(ready_file=ready_file, mode=Mode.BOOTSTRAP)
    assert by_bootstrap == Target(LWM2M, BOOTSTRAP)
    given_ = find_target(lwm2m=LWM2M, bootstrap=BOOTSTRAP, mode=Mode.DIRECT)
    assert given_ == Target(LWM2M)


def test_devices_come_directly_to_a_secured_platform_as_well(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    secured = "coaps://127.0.0.1:5684"
    serving = replace(SERVING, bootstrap={"coaps": secured}, lwm2m={"coaps": secured})
    ready.write(path, serving)
    found = find_target(ready_file=path, mode=Mode.DIRECT)
    assert found.first == f"{secured}?aid={'a' * 32}"
    assert found.bootstrap is None
    assert found.api == Api(SERVING.api, SERVING.api_key)


@pytest.mark.parametrize(
    ("mode", "given_"),
    [
        (Mode.BOOTSTRAP, {"lwm2m": LWM2M}),
        (Mode.DIRECT, {"bootstrap": BOOTSTRAP}),
    ],
)
def test_a_way_without_a_server_is_a_sentence(
    mode: Mode, given_: dict[str, str]
) -> None:
    with pytest.raises(InvalidConfiguration, match=f"{mode} has no server to go to"):
        find_target(mode=mode, **given_)


@given(
    st.dictionaries(
        st.sampled_from(Habit), st.floats(min_value=0.01, max_value=1e6), min_size=1
    )
)
def test_a_mix_is_read_as_it_is_written(mix: dict[Habit, float]) -> None:
    text = ", ".join(f"{habit}={weight}" for habit, weight in mix.items())
    assert parse_mix(text) == mix


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "--mix has ''; it takes update, change, deregister, sleep, vanish"),
        ("dance=1", "--mix has 'dance=1'; it takes update"),
        ("update", "--mix has 'update'; it takes update"),
        ("update=much", "--mix has 'update=much'; it takes update"),
        ("update=1,", "--mix has ''; it takes update"),
        ("update=2,vanish=-1", "--mix has a weight that is none"),
        ("update=nan", "--mix has a weight that is none"),
        ("update=inf", "--mix has a weight that is none"),
        ("update=0,vanish=0", "--mix has no weight above zero"),
    ],
)
def test_a_mix_that_makes_no_sense_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfiguration) as error:
        parse_mix(text)
    assert str(error.value).startswith(sentence)


def test_a_platform_that_serves_is_found(ready_file: Path) -> None:
    assert find_target(ready_file=ready_file) == Target(LWM2M, BOOTSTRAP)


@pytest.mark.parametrize(("plain", "secured"), [(True, True), (False, False)])
def test_a_secured_platform_is_asked_for_credentials(
    ready_file: Path, *, plain: bool, secured: bool
) -> None:
    coaps = {"coaps": "coaps://127.0.0.1:5784"}
    bootstrap = coaps | ({"coap": BOOTSTRAP} if plain else {})
    lwm2m = {"coap": LWM2M} if plain else {}
    ready.write(ready_file, replace(SERVING, bootstrap=bootstrap, lwm2m=lwm2m))
    target = find_target(ready_file=ready_file, secured=secured)
    assert target == Target(
        bootstrap=f"coaps://127.0.0.1:5784?aid={'a' * 32}",
        api=Api("http://127.0.0.1:8080", "ak_1"),
    )


@pytest.mark.parametrize(
    ("ids", "extensions"),
    [
        (ConnectionIds.BOTH, [54, 254]),
        (ConnectionIds.RFC, [54]),
        (ConnectionIds.DRAFT, [254]),
        (ConnectionIds.NONE, []),
    ],
)
def test_connection_ids_are_extensions(
    ids: ConnectionIds, extensions: list[int]
) -> None:
    assert list(ids.forms) == extensions


def test_given_servers_are_taken() -> None:
    assert find_target(lwm2m=LWM2M) == Target(LWM2M)
    assert find_target(bootstrap=BOOTSTRAP) == Target(None, BOOTSTRAP)
    assert find_target(lwm2m=LWM2M, bootstrap=BOOTSTRAP) == Target(LWM2M, BOOTSTRAP)


def test_a_platform_and_servers_are_one_too_many(ready_file: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="--ready-file names the servers"):
        find_target(ready_file=ready_file, lwm2m=LWM2M)


def test_a_platform_that_does_not_serve_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"no\.json tells of no platform"):
        find_target(ready_file=tmp_path / "no.json")


def test_a_platform_without_plain_port_is_a_sentence(ready_file: Path) -> None:
    ready.write(ready_file, replace(SERVING, bootstrap={}, lwm2m={}))
    with pytest.raises(InvalidConfiguration, match="has no CoAP port open"):
        find_target(ready_file=ready_file)
