"""Lanes by the keys of tasks."""

import pytest

from pavane.core.model.lanes import key_of, lane, task_of


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), ""),
        (("n",), "7"),
        (("text",), '"7"'),
        (("order", "customer"), '"c-1"'),
        (("order",), '{"customer":"c-1","lines":[1,2]}'),
        (("order", "nothing"), "null"),
        (("n", "deeper"), "null"),
        (("absent",), "null"),
    ],
)
def test_a_key_is_what_stands_at_the_path(path: tuple[str, ...], key: str):
    body = b'{"n":7,"text":"7","order":{"lines":[1,2],"customer":"c-1"}}'
    queue = lane("load", path, body)
    assert task_of(queue) == "load" and key_of(queue) == key
    assert (queue == "load") == (not path)


def test_the_order_of_fields_makes_no_other_key():
    assert lane("t", ("a",), b'{"a":{"x":1,"y":2}}') == lane("t", ("a",), b'{"a":{"y":2,"x":1}}')


def test_long_keys_are_told_apart_and_stay_short():
    one = lane("t", ("a",), b'{"a":"%s1"}' % (b"x" * 5000))
    other = lane("t", ("a",), b'{"a":"%s2"}' % (b"x" * 5000))
    assert one != other and len(one) < 50
