"""Subjects, streams and durables: every wire name on NATS is spelled here.

    homeport.v1.<account id>.<fact>      a fact, in the stream DEVICES
    homeport.edge.<edge id>.poke         look at a device's queue now

Endpoint names never become part of a subject (B-048): ids are hex, facts are ours.
"""

from homeport.events.facts import VERSION, FactName
from homeport.names import AccountId, EdgeId

STREAM = "DEVICES"
EVERYTHING = f"homeport.{VERSION}.>"
DIRECTORY_DURABLE = "directory"
EXPIRY_DURABLE = "expiry"


def subject(account: AccountId, fact: FactName) -> str:
    """Return the subject of an account's fact."""
    return f"homeport.{VERSION}.{account}.{fact}"


def of_account(account: AccountId) -> str:
    """Return the subject filter of all facts of an account."""
    return f"homeport.{VERSION}.{account}.>"


def of_fact(fact: FactName) -> str:
    """Return the subject filter of a fact, whatever its account."""
    return f"homeport.{VERSION}.*.{fact}"


def channel_durable(channel: str) -> str:
    """Name the durable consumer of a notification channel (its id is hex)."""
    return f"channel-{channel}"


def poke(edge: EdgeId) -> str:
    """Return the subject on which an edge hears that a queue has grown."""
    return f"homeport.edge.{edge}.poke"
