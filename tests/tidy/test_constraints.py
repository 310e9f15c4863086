"""Each package is pinned once: two files that disagree cannot be installed together."""

import re
from collections import defaultdict
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints"


def test_each_package_is_pinned_once():
    places: dict[str, list[str]] = defaultdict(list)
    for file in sorted(CONSTRAINTS.glob("*.txt")):
        for line in file.read_text("utf-8").splitlines():
            name, pinned, _ = line.partition("==")
            if pinned and not line.startswith("#"):
                places[re.sub(r"[-_.]+", "-", name.strip()).lower()].append(file.name)
    assert len(places) > 20
    assert not {name: files for name, files in places.items() if len(files) > 1}
