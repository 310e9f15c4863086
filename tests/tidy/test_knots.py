"""No knots: modules and packages that lie side by side do not import each other in a ring.

A ring of annotations alone is none, but a ring hidden in late imports is one.
"""

from pathlib import Path

import grimp
import pytest


def knots(graph: grimp.ImportGraph) -> list[str]:
    """Name, for each package whose children form a ring, an import that would untie it."""
    found: list[str] = []
    packages = {name.rpartition(".")[0] for name in graph.modules} - {""}
    for package in sorted(packages):
        for importer, imported in sorted(graph.nominate_cycle_breakers(package)):
            lines = [
                d["line_number"]
                for d in graph.get_import_details(importer=importer, imported=imported)
            ]
            found.append(f"in {package}: {importer} imports {imported} (lines {lines})")
    return found


def build(name: str) -> grimp.ImportGraph:
    return grimp.build_graph(name, exclude_type_checking_imports=True, cache_dir=None)


def test_the_package_has_no_knot():
    found = knots(build("pavane"))
    assert not found, "\n" + "\n".join(found)


RINGS = [
    ("import knotty.b", "import knotty.a", 1),
    ("def f():\n    import knotty.b", "import knotty.a", 1),
    (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import knotty.b",
        "import knotty.a",
        0,
    ),
    ("import knotty.b", "", 0),
]


@pytest.mark.parametrize(("a", "b", "count"), RINGS)
def test_a_ring_is_found(
    a: str, b: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "knotty"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text(a + "\n")
    (folder / "b.py").write_text(b + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(knots(build("knotty"))) == count
