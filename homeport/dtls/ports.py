"""What a secured port needs of its installation."""

from collections.abc import Callable
from dataclasses import dataclass

from homeport.associations import Associations, CookieSecrets, Resumptions
from homeport.dtls.credentials import Refusal, Trust
from homeport.identity import Identity


def unheard(_identity: Identity) -> None:
    """Do nothing about whom we trust no more."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The stores, the trust view and the clock that all edges share.

    ``edge`` is this replica's name, ``refused`` hears whose credential opened nothing
    and from where, ``withdrawn`` whom we have served and trust no more;
    ``now_milliseconds`` is the store's clock.
    """

    edge: str
    trust: Trust
    associations: Associations
    resumptions: Resumptions | None
    cookie_secrets: CookieSecrets
    refused: Callable[[Refusal, str], None]
    now_milliseconds: Callable[[], int]
    withdrawn: Callable[[Identity], None] = unheard
