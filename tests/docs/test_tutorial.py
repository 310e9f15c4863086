"""The tutorial holds, word for word, in this environment; `make tutorial` makes a new one."""

from pathlib import Path

import pytest

from tests.docs.tutorial import PAGE, Reader


def test_the_tutorial_holds(tmp_path: Path):
    reader = Reader(tmp_path, fresh=False)
    reader.follow(PAGE.read_text("utf-8"))
    assert len([command for command in reader.done if command.startswith("pavane ")]) > 15


PAGES = {
    "another output": ("```console terminal 1\n$ echo one\ntwo\n```\n", "two"),
    "a command that does not go on": ("```console terminal 1\n$ true\nready\n```\n", "ready"),
    "a line that is not there": ("```diff shop.py\n-a = 2\n+a = 3\n```\n", "not once"),
    "a block that nobody knows": ("```console\n$ echo one\n```\n", "nobody knows"),
}


@pytest.mark.parametrize("case", PAGES)
def test_what_does_not_hold_is_found(case: str, tmp_path: Path):
    block, said = PAGES[case]
    page = "```console terminal 1 setup\n```\n\n```python file shop.py\na = 1\n```\n\n" + block
    with pytest.raises(AssertionError, match=said):
        Reader(tmp_path, fresh=False).follow(page)


def test_what_is_shown_is_done(tmp_path: Path):
    page = """
```console terminal 1 setup
```
```python file shop.py
a = 1
```
```diff shop.py
-a = 1
+a = 2
```
```python append shop.py
print(a)
```
```console terminal 2
$ cd shop
$ echo begun; sleep 100
begun
^C
$ . .venv/bin/activate
$ python shop.py
2
```
"""
    Reader(tmp_path, fresh=False).follow(page)
    assert (tmp_path / "shop" / "shop.py").read_text("utf-8") == "a = 2\n\n\nprint(a)\n"
