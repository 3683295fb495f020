"""Each kind of device says what its real ones say."""

import pytest

from homeport.coap.codec import Option
from homeport.dtls.client import DeviceKey
from homeport.protocol import profiles
from homeport.simulator.accounts import Account
from homeport.simulator.dialects import (
    DIALECTS,
    IZUMA,
    LWM2M_1_0,
    LWM2M_1_1,
    LWM2M_1_2,
    Dialect,
)

KEY = DeviceKey(b"identity", bytes(16))
PLAIN = Account("coap://127.0.0.1:5683")
SECURED = Account("coaps://127.0.0.1:5684?aid=01&iep=02", KEY)


@pytest.mark.parametrize(
    ("dialect", "account", "sleeps", "queries"),
    [
        (LWM2M_1_0, PLAIN, False, "ep=x lt=60 lwm2m=1.0 b=U"),
        (LWM2M_1_0, PLAIN, True, "ep=x lt=60 lwm2m=1.0 b=UQ"),
        (LWM2M_1_1, PLAIN, True, "ep=x lt=60 lwm2m=1.1 b=U Q"),
        (LWM2M_1_2, SECURED, False, "ep=x lt=60 lwm2m=1.2 b=U aid=01 iep=02"),
        (IZUMA, PLAIN, True, "ep=x et=default lt=60 lwm2m=1.0 b=UQ"),
        (
            IZUMA,
            SECURED,
            False,
            "ep=x et=default lt=60 lwm2m=1.0 b=U aid=01 iep=02 mccv=4.13.2",
        ),
    ],
)
def test_a_device_registers_as_its_kind_does(
    dialect: Dialect, account: Account, *, sleeps: bool, queries: str
) -> None:
    said = dialect.register(account, "x", lifetime=60, sleeps=sleeps)
    assert " ".join(said) == queries


@pytest.mark.parametrize(
    ("dialect", "queries"),
    [
        (LWM2M_1_0, "ep=x aid=01 iep=02"),
        (LWM2M_1_1, "ep=x aid=01 iep=02 pct=112"),
        (LWM2M_1_2, "ep=x aid=01 iep=02 pct=11544"),
        (IZUMA, "ep=x aid=01 iep=02 mccv=4.13.2"),
    ],
)
def test_a_device_bootstraps_as_its_kind_does(dialect: Dialect, queries: str) -> None:
    assert " ".join(dialect.bootstrap(SECURED, "x", "")) == queries
    assert "iep=03" in dialect.bootstrap(PLAIN, "x", "03")


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_a_device_is_recognized_as_what_it_is(dialect: Dialect) -> None:
    said = dialect.register(SECURED, "x", lifetime=60, sleeps=True)
    has_max_age = any(number == Option.MAX_AGE for number, _ in dialect.options)
    assert has_max_age is dialect.izuma
    recognized = profiles.recognize(said, has_max_age=has_max_age)
    assert recognized.name == dialect.name


def test_an_izuma_device_lists_what_is_new_and_others_all() -> None:
    assert IZUMA.changed("</9>") == "</9>"
    assert LWM2M_1_1.changed("</9>") == f"{LWM2M_1_1.structure},</9>"
    assert (IZUMA.updates, LWM2M_1_1.updates) == (("et=default",), ())
    assert (IZUMA.update, LWM2M_1_1.update) == (IZUMA.links, ())
