"""Filters of devices that an account has saved: ``client.queries``."""

from pydantic import AwareDatetime

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/device-queries"


class SavedQuery(Record):
    """A filter; ``client.devices.list(filter=saved.query)`` asks by it."""

    id: str
    name: str
    query: str
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    etag: str = ""


class SavedQueries(Group[From]):
    """The filters that an account has saved."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[SavedQuery]]:
        """List saved queries: by ``name``, ``query``, times."""
        return page(PATH, SavedQuery, asked)

    @single
    @staticmethod
    def get(query_id: str) -> Call[SavedQuery]:
        """Return a saved query; raise NotFound."""
        return one("GET", _path(query_id), SavedQuery)

    @single
    @staticmethod
    def create(name: str, query: str) -> Call[SavedQuery]:
        """Save a filter: ``state=registered&name__in=a,b``."""
        return one("POST", PATH, SavedQuery, {"name": name, "query": query})

    @single
    @staticmethod
    def update(query_id: str, *, name: str, query: str) -> Call[SavedQuery]:
        """Replace a saved query."""
        body = {"name": name, "query": query}
        return one("PUT", _path(query_id), SavedQuery, body)

    @single
    @staticmethod
    def delete(query_id: str) -> Call[None]:
        """Forget a saved query."""
        return nothing("DELETE", _path(query_id))


def _path(query_id: str) -> str:
    return f"{PATH}/{segment(query_id)}"
