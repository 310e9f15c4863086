"""The site: made of the pages, every link leads somewhere, and nothing comes from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

DOCS = ROOT / "docs"
_LOADED = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"(?P<url>[^\"]+)\""
)


def build(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Make a site of `source`, as `make docs` does."""
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("sphinx-build")),
            *("--quiet", "--fail-on-warning", "--keep-going"),
            *("-d", str(folder / "doctrees"), str(source), str(folder / "site")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = build(DOCS, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_every_page_is_in_the_site(site: Path):
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").exists(), page


def test_nothing_is_loaded_from_elsewhere(site: Path):
    loaded = [
        (page.name, match["url"])
        for page in site.rglob("*.html")
        for match in _LOADED.finditer(page.read_text("utf-8"))
    ]
    assert len(loaded) > 100
    assert not [each for each in loaded if "://" in each[1] or each[1].startswith("//")]
    styles = "".join(each.read_text("utf-8") for each in site.rglob("*.css"))
    assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']+", styles)


def test_every_page_can_be_reached_from_the_first(site: Path):
    """Each part is in the navigation of the first page, so each page is in some navigation."""
    first = (site / "index.html").read_text("utf-8")
    for page in DOCS.rglob("*.md"):
        link = page.relative_to(DOCS).with_suffix(".html")
        assert f'href="{link}"' in first or str(link) == "index.html", link


BROKEN = {
    "a page that is not there": ("[gone](gone.md)", "gone"),
    "a heading that is not there": ("[gone](index.md#gone)", "gone"),
    "a file beside docs that is not there": ("[gone](../GONE.md)", "GONE"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_link_fails(case: str, tmp_path: Path):
    link, said = BROKEN[case]
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    (source / "index.md").write_text(f"# A page\n\nHere: {link}.\n", "utf-8")
    done = build(source, tmp_path)
    assert done.returncode != 0
    assert said in done.stderr


def test_what_a_code_host_shows_is_shown_in_the_site_as_well(tmp_path: Path):
    """Diagrams as tables, links that leave the folder as words; blocks of code as they are."""
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    (tmp_path / "README.md").write_text("# Out\n", "utf-8")
    (source / "index.md").write_text(
        "# A page\n\nSee [the other](../README.md).\n\n"
        "```mermaid\nstateDiagram-v2\n    [*] --> RUNNING\n    RUNNING --> DONE\n```\n\n"
        "```python run\nlink = '[x](../README.md)'\n```\n",
        "utf-8",
    )
    done = build(source, tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "See the other (<code" in page
    assert "RUNNING</span></code></p></td>\n<td><p><code" in page
    assert "mermaid" not in page
    assert "[x](../README.md)" in page
