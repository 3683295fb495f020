"""Subjects, streams and durables: every wire name on NATS is spelled here.

    homeport.v1.<account id>.<fact>      a fact, in the stream DEVICES
    homeport.stored.<account id>.<fact>  the same once the stream has it, with its place
    homeport.outbox.<bucket>             events wait in a bucket's outbox
    homeport.reader.<consumer id>        who reads for a named consumer now
    homeport.edge.<edge id>.poke         look at a device's queue now; one of all edges
                                         hears it too, for edges that are gone

Endpoint names never become part of a subject (B-048): ids are hex, facts are ours.
"""

from homeport.events.facts import VERSION, FactName
from homeport.names import AccountId, EdgeId

STREAM = "DEVICES"
EVERYTHING = f"homeport.{VERSION}.>"
STORED = "homeport.stored.>"
DIRECTORY_DURABLE = "directory"
RENEWALS_DURABLE = "directory-renewals"
EXPIRY_DURABLE = "expiry"
HERE, NOT_HERE = b"here", b"not here"
"""What an edge says to a `poke`."""
NOTIFIER_DURABLE = "notifier"
_REPLAY = "replay-"


def subject(account: AccountId, fact: FactName) -> str:
    """Return the subject of an account's fact."""
    return f"homeport.{VERSION}.{account}." + fact


def of_account(account: AccountId) -> str:
    """Return the subject filter of all facts of an account."""
    return f"homeport.{VERSION}.{account}.>"


def of_fact(fact: FactName) -> str:
    """Return the subject filter of a fact, whatever its account."""
    return f"homeport.{VERSION}.*.{fact}"


def stored(account: AccountId) -> str:
    """Return the subject filter of all facts of an account that the stream has."""
    return f"homeport.stored.{account}.>"


def replay_durable(owner: str, replay: str) -> str:
    """Name what a replay is given events by, for a channel or a named consumer.

    Both ids are hex.
    """
    return f"{_REPLAY}{owner}-{replay}"


def reader(consumer: str) -> str:
    """Return the subject on which readers of a named consumer hear of each other.

    The message is the newest reader, or empty where it is asked whether there is one.
    """
    return f"homeport.reader.{consumer}"


def is_replay(name: str) -> bool:
    """Say whether a consumer is of a replay."""
    return name.startswith(_REPLAY)


def outbox(bucket: int) -> str:
    """Return the subject on which it is heard that a bucket's outbox has grown."""
    return f"homeport.outbox.{bucket}"


def poke(edge: EdgeId) -> str:
    """Return the subject on which an edge hears that a device's queue has grown.

    The message is the device's id; whoever asks hears whether the edge has the device.
    """
    return f"homeport.edge.{edge}.poke"


POKES = poke(EdgeId("*"))
"""All pokes; those who hear them are a `HEIRS` queue group, one of which gets each."""
HEIRS = "heirs"


def poked(subject: str) -> EdgeId:
    """Return the edge that a poke is for."""
    return EdgeId(subject.split(".")[2])
