"""What each service says of itself is true."""

import importlib
import re
from collections.abc import Mapping, Sequence

import pytest

from homeport.events.facts import FactName
from homeport.runtime.docs import CONSUMERS

SERVICES = ("bootstrap", "directory", "expiry", "lwm2m", "notifier")
FACTS = frozenset(fact.value for fact in FactName)


def sections(name: str) -> Mapping[str, str]:
    text = importlib.import_module(f"services.{name}").__doc__ or ""
    found = re.findall(r"^(\w+): (.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return {heading: " ".join(words.split()) for heading, words in found}


def facts(words: str) -> set[str]:
    return set() if words == "nothing" else set(words.split(", "))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_begins_with_a_sentence_and_says_what_it_does(name: str) -> None:
    text = importlib.import_module(f"services.{name}").__doc__ or ""
    assert text.splitlines()[0].endswith(".")
    assert list(sections(name)) == ["Consumes", "Publishes", "Stores"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_consumes_and_publishes_are_facts(name: str) -> None:
    said = sections(name)
    assert facts(said["Consumes"]) | facts(said["Publishes"]) <= FACTS


@pytest.mark.parametrize(("name", "modules"), CONSUMERS.items())
def test_what_it_consumes_is_what_it_subscribes_to(
    name: str, modules: Sequence[str]
) -> None:
    subscribed = [
        fact
        for module in modules
        for fact in importlib.import_module(module).SUBSCRIPTION.facts
    ]
    assert facts(sections(name)["Consumes"]) == set(subscribed)
    assert len(set(subscribed)) == len(subscribed)


def test_every_fact_is_published_by_somebody() -> None:
    published = [facts(sections(name)["Publishes"]) for name in SERVICES]
    assert set().union(*published) == FACTS
