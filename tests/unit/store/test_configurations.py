"""Configurations and definitions survive being written, with every type of value."""

import math

from hypothesis import given
from hypothesis import strategies as st

from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import (
    DEFAULT,
    Configuration,
    Instance,
    Selector,
    ServerAccount,
)
from homeport.protocol.formats.records import ObjectLink, Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now
from homeport.store import configurations

ids = st.integers(0, 65_535)
values = (
    st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.booleans()
    | st.builds(ObjectLink, ids, ids)
    | st.builds(Time, st.integers(-(2**63), 2**63 - 1))
    | st.just(Now())
)
resources = st.dictionaries(
    st.builds(Path, st.tuples(ids) | st.tuples(ids, ids)), values, max_size=4
)
whole = st.builds(
    Configuration,
    id=st.text("0123456789abcdef"),
    alterations=st.just(Alterations(name="izuma", szx=3, deletes=False)),
    short_server_id=ids,
    server=resources,
    servers=st.tuples(st.builds(ServerAccount, ids, resources, resources)),
    instances=st.tuples(
        st.builds(Instance, st.builds(Path, st.tuples(ids, ids)), resources)
    ),
    reads=st.just((Path((1,)), Path((2, 0)))),
    offers_pack=st.booleans(),
)


@given(whole)
def test_a_configuration_is_what_it_was(configuration: Configuration) -> None:
    found = configurations.parse(configurations.build(configuration))
    assert found == configuration
    for before, after in zip(
        configuration.server.values(), found.server.values(), strict=True
    ):
        assert type(before) is type(after)


def test_a_number_that_is_whole_stays_a_float() -> None:
    given_ = Configuration(server={Path((1,)): 5.0, Path((2,)): math.pi})
    found = configurations.parse(configurations.build(given_))
    assert [type(value) for value in found.server.values()] == [float, float]


def test_nothing_wanted_is_nothing_wanted() -> None:
    assert configurations.parse(configurations.build(DEFAULT)) == DEFAULT


def test_a_selector_is_what_it_was() -> None:
    selector = Selector(
        "1", 5, "meter-*", ("izuma", "lwm2m-1.1"), 1_800_000_000_000_000
    )
    text = configurations.build_selector(selector)
    assert configurations.parse_selector(text) == selector


def test_every_definition_is_what_it_was() -> None:
    for versions in CORE.objects.values():
        for definition in versions.values():
            text = configurations.build_definition(definition)
            assert configurations.parse_definition(text) == definition
