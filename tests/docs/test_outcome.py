"""The comparison itself: it forgives times and ids, and nothing else."""

import pytest

from tests.docs.outcome import differs
from tests.docs.pages import blocks, console, first_screen

PAGE = """# Title

```sh
make demo   # look
```

```text
200 started
```

```python run
x = 1
```
"""


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("done in 1.2 s", "done in 340 ms"),
        ("order 0198c1f2-aaaa7 done", "order 0198d000-bbbb8 done"),
        ("1,200 orders/s", "85 orders/s"),
        ("a\n…\nd", "a\nb\nc\nd"),
        ("a\n…", "a\nb\nc"),
        ("a … d", "a b c d"),
        ("a   b", "a b\n\n"),
        ("ready on 127.0.0.1:8080", "ready on 127.0.0.1:41234"),
    ],
)
def test_what_may_differ(shown: str, printed: str):
    assert differs(shown, printed) == ""


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("200 started", "199 started"),
        ("a\nb", "a"),
        ("a", "a\nb"),
        ("a\n…\nd", "a\nb\nc"),
        ("a\nb", "b\na"),
        ("COMPLETED", "COMPENSATED"),
        ("", "a surprise"),
        ("a\n…\nd", "a\nd\ne"),
    ],
)
def test_what_may_not(shown: str, printed: str):
    assert differs(shown, printed) != ""


def test_a_page_is_cut_into_its_blocks():
    found = blocks(PAGE)
    assert [(b.language, b.words, b.line) for b in found] == [
        ("sh", (), 4),
        ("text", (), 8),
        ("python", ("run",), 12),
    ]
    assert first_screen(PAGE) == (["make demo   # look"], "200 started\n")


def test_a_console_block_is_cut_into_commands():
    assert console("$ a\nb\nc\n$ d\n") == [("a", "b\nc\n"), ("d", "")]
