"""How far a group has come is written beside an offset, and read back, within the room there is."""

from hypothesis import given
from hypothesis import strategies as st

from pavane.adapters.kafka.position import Position, read, write

OFFSETS = st.integers(1, 300)


@given(
    st.integers(0, 10**12),
    st.frozensets(OFFSETS, max_size=100),
    st.dictionaries(OFFSETS, st.tuples(st.integers(1, 99), st.integers(0, 10**13)), max_size=20),
)
def test_it_is_read_as_it_was_written(
    base: int, done: frozenset[int], again: dict[int, tuple[int, int]]
):
    whole = Position(
        base, frozenset(base + n for n in done), {base + n: told for n, told in again.items()}
    )
    assert read(base, write(whole)) == whole


def test_nothing_to_say_is_nothing():
    assert write(Position(7)) == ""
    assert read(7, "") == read(7, None) == Position(7)


def test_what_others_wrote_says_nothing():
    for text in ("hello", "pavane1", "pavane1|x|", "pavane1|1-2|3", "pavane2||"):
        assert read(7, text) == Position(7)


def test_what_has_no_room_is_left_out_and_nothing_else_is_touched():
    done = frozenset(range(1, 9_000, 2))
    again = {n: (n % 9 + 1, 1_767_323_045_678) for n in range(2, 9_000, 2)}
    whole = Position(5, frozenset(5 + n for n in done), {5 + n: told for n, told in again.items()})
    text = write(whole)
    assert 3_000 < len(text) <= 4_096
    found = read(5, text)
    assert found.done
    assert found.done < whole.done
    assert found.again
    assert found.again.items() < whole.again.items()
    assert max(found.done) < 5 + 1_500  # the first ones, which are needed first
