"""The JSON of the REST calls about users of NATS."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from homeport.errors import InvalidParameter
from homeport.events import applications, subjects
from homeport.events.facts import FactName
from services.notifier import bodies
from services.notifier.named_consumers import named_consumers
from services.notifier.nats_users.nats_users import Access, NatsUser

_Text = Annotated[str, StringConstraints(max_length=128)]


class NatsUserBody(BaseModel):
    """Who is to read from NATS itself."""

    name: _Text = Field(description="1 to 64 letters, digits, dots and dashes.")
    access: Access = Field(
        default=Access.CONSUME,
        description=(
            "`consume`: take facts from a consumer of its own, each at least once. "
            "`listen`: hear facts while it is connected."
        ),
    )
    facts: list[_Text] | None = Field(
        default=None,
        max_length=64,
        description="What it consumes: names of facts; none for all.",
    )
    start: Literal["now", "first"] | AwareDatetime = Field(
        default="now", description="Where its consumer begins."
    )


class NatsUserInfo(BaseModel):
    """A user of NATS, and what its client needs to know."""

    object: Literal["nats-user"] = "nats-user"
    name: str
    access: Access
    facts: list[str]
    created_at: str
    url: str = Field(description="Where NATS is.")
    user: str = Field(description="What NATS calls it.")
    subject: str = Field(description="Its account's facts.")
    stream: str
    consumer: str | None = Field(description="Its consumer, if it has one.")
    api_prefix: str | None = Field(
        description="What its client has to write for `$JS.API`."
    )
    inbox_prefix: str | None = Field(
        description="What its client has to begin inboxes with."
    )
    password: str | None = Field(
        default=None, description="Told once, when the user is made."
    )


class NatsUserList(BaseModel):
    """All users of an account."""

    object: Literal["list"] = "list"
    data: list[NatsUserInfo]


def parse(body: bytes) -> tuple[str, Access, list[FactName], datetime | str]:
    """Parse the body of a POST; raise InvalidParameter naming what is wrong."""
    given = bodies.parse(NatsUserBody, body)
    selection = named_consumers.select({"facts": given.facts})
    if selection.facts and given.access is Access.LISTEN:
        raise InvalidParameter("facts", "are for those who consume")
    try:
        name = named_consumers.parse_name(given.name)
    except InvalidParameter as error:
        raise InvalidParameter("name", error.reason) from error
    return name, given.access, sorted(selection.facts), given.start


def info(user: NatsUser, *, url: str, password: str | None = None) -> NatsUserInfo:
    """Build what a call answers; only the first one tells the password."""
    consumes = user.access is Access.CONSUME
    created = user.created_at.isoformat(timespec="microseconds")
    return NatsUserInfo(
        name=user.name,
        access=user.access,
        facts=list(user.facts),
        created_at=created.replace("+00:00", "Z"),
        url=url,
        user=user.id,
        subject=subjects.of_account(user.account),
        stream=subjects.STREAM,
        consumer=applications.durable(user.id) if consumes else None,
        api_prefix=applications.API_PREFIX if consumes else None,
        inbox_prefix=applications.inbox_prefix(user.inbox) if consumes else None,
        password=password,
    )


def public(url: str) -> str:
    """Return a server's URL without who we are; of several the first."""
    parts = urlsplit(url.partition(",")[0])
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, "", "", ""))


NATS_USER_REQUEST = bodies.request(
    NatsUserBody, {"name": "warehouse", "facts": ["device.registered"]}, required=True
)
