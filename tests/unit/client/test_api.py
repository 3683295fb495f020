"""Both clients have the same groups of calls."""

from homeport.client import Client
from homeport.client.methods import Group
from tests.support.api import ScriptedApi


async def test_both_clients_have_the_same_groups(
    api: ScriptedApi, client: Client
) -> None:
    async with api.async_client() as other:
        groups = {
            name: type(group)
            for name, group in vars(client).items()
            if isinstance(group, Group)
        }
        assert len(groups) == 18
        assert all(type(vars(other)[name]) is kind for name, kind in groups.items())
