"""The living edges share the buckets without talking."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.names import EdgeId
from homeport.runtime import relay

EDGES = [EdgeId(f"lwm2m-{number}") for number in range(5)]


def test_every_bucket_has_one_owner() -> None:
    shares = [relay.share(edge, EDGES, 64) for edge in EDGES]
    assert sorted(bucket for share in shares for bucket in share) == list(range(64))


def test_an_edge_that_nobody_has_seen_yet_counts_itself() -> None:
    assert relay.share(EDGES[0], [], 8) == list(range(8))


@given(st.sampled_from(EDGES))
def test_when_an_edge_goes_only_its_own_buckets_move(gone: EdgeId) -> None:
    left = [edge for edge in EDGES if edge != gone]
    for edge in left:
        assert set(relay.share(edge, EDGES, 64)) <= set(relay.share(edge, left, 64))


def test_edges_at_which_devices_register_publish_for_the_others() -> None:
    other = EdgeId("bootstrap-1")
    assert relay.share(other, [other, *EDGES], 64) == []
    assert relay.share(EDGES[0], [other, EDGES[0]], 8) == list(range(8))


def test_where_there_is_none_of_them_the_others_publish() -> None:
    edges = [EdgeId("bootstrap-1"), EdgeId("bootstrap-2")]
    shares = [relay.share(edge, edges, 64) for edge in edges]
    assert sorted(bucket for share in shares for bucket in share) == list(range(64))
