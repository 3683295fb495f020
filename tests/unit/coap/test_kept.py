"""What an endpoint remembers stays within its bounds."""

from homeport.coap.kept import LIFETIME_SECONDS, Kept


def kept() -> Kept[str]:
    made: Kept[str] = Kept(most=3, most_bytes=100)
    made.put("a", "first", length=10, now=0)
    return made


def test_a_value_is_found_until_it_is_dropped() -> None:
    made = kept()
    assert made.get("a", now=1) == "first"
    made.drop("a")
    assert made.get("a", now=1) is None
    assert len(made) == 0


def test_a_value_is_not_found_after_its_lifetime() -> None:
    assert kept().get("a", now=LIFETIME_SECONDS) == "first"
    assert kept().get("a", now=LIFETIME_SECONDS + 1) is None


def test_the_oldest_gives_way_to_one_too_many() -> None:
    made = kept()
    for key in "bcd":
        made.put(key, key, length=1, now=1)
    assert [made.get(key, now=1) for key in "abcd"] == [None, "b", "c", "d"]


def test_the_oldest_give_way_to_bytes_too_many() -> None:
    made = kept()
    made.put("b", "large", length=95, now=1)
    assert made.get("a", now=1) is None
    assert made.get("b", now=1) == "large"


def test_one_that_is_too_large_by_itself_is_not_kept() -> None:
    made = kept()
    made.put("b", "larger", length=101, now=1)
    assert len(made) == 0


def test_the_aged_give_way_to_any_other() -> None:
    made = kept()
    made.put("b", "second", length=1, now=LIFETIME_SECONDS + 1)
    assert len(made) == 1


def test_a_value_put_again_is_the_newest() -> None:
    made = kept()
    made.put("b", "b", length=1, now=1)
    made.put("a", "again", length=1, now=2)
    for key in "cd":
        made.put(key, key, length=1, now=3)
    assert made.get("a", now=3) == "again"
    assert made.get("b", now=3) is None


def test_a_value_that_is_replaced_keeps_its_time_and_its_place() -> None:
    made = kept()
    made.put("b", "b", length=1, now=1)
    made.replace("a", "again", length=20, now=LIFETIME_SECONDS)
    assert made.get("a", now=LIFETIME_SECONDS) == "again"
    assert made.get("a", now=LIFETIME_SECONDS + 0.5) is None
    made.replace("c", "first", length=1, now=2)
    made.put("d", "d", length=1, now=2)
    assert [made.get(key, now=2) for key in "abcd"] == [None, "b", "first", "d"]


def test_a_value_that_grows_makes_the_oldest_give_way() -> None:
    made = kept()
    made.put("b", "b", length=1, now=1)
    made.replace("b", "large", length=95, now=1)
    assert made.get("a", now=1) is None
    assert made.get("b", now=1) == "large"
