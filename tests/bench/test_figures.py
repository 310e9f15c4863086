"""How measurements are made into figures: what would hide a stall or a slow pair is found here."""

from bench.alternation import Pairs, alternate
from bench.fork import Seen, longest_gap_ms, windows


def seen(*commits: tuple[float, int]) -> list[Seen]:
    """Commits at these seconds, with so many changes of other runs."""
    return [Seen(at_s=at, cpu_s=at / 2, of_fork=1, of_others=others) for at, others in commits]


def test_a_window_without_others_counts_as_zero():
    commits = seen((5.0, 1), (5.05, 1), (5.11, 0), (5.19, 0), (5.21, 3), (5.31, 1))
    assert windows(commits, cpu=False) == [2, 0, 1]
    assert windows(commits, cpu=True) == [2]
    assert round(longest_gap_ms(commits)) == 160


def test_a_window_that_is_not_whole_is_left_out():
    assert windows(seen((1.0, 1), (1.12, 1)), cpu=False) == [1]


def test_the_ratio_is_the_median_of_the_pairs_not_the_ratio_of_medians():
    ours = [{"rate": rate} for rate in (10.0, 100.0, 30.0)]
    theirs = [{"rate": rate} for rate in (10.0, 400.0, 10.0)]
    assert Pairs(ours, theirs).ratio("rate") == 1.0
    assert (Pairs(ours, theirs).our("rate"), Pairs(ours, theirs).their("rate")) == (30.0, 10.0)


def test_the_sides_take_turns():
    order: list[str] = []

    def side(name: str) -> dict[str, float]:
        order.append(name)
        return {"rate": 1.0}

    alternate(lambda: side("A"), lambda: side("B"), 3)
    assert "".join(order) == "ABBAAB"
