"""A step type is complete when its file, its unit test and its page in the reference exist."""

from tests.tidy.sources import all_files

CODE = "src/pavane/core/decide/step_types/"
PAGES = "docs/reference/step-types/"
# What the folder holds besides one file per type.
NOT_A_TYPE = {"__init__", "registry", "step_type"}


def missing(paths: set[str]) -> list[str]:
    """List what each step type lacks among these paths."""
    names = {path.rpartition("/")[2] for path in paths if path.startswith("tests/unit/")}
    types = sorted(
        path.removeprefix(CODE).removesuffix(".py")
        for path in paths
        if path.startswith(CODE) and path.endswith(".py")
    )
    lacking: list[str] = []
    for name in types:
        if name in NOT_A_TYPE or name.startswith("_"):
            continue
        if f"test_{name}.py" not in names:
            lacking.append(f"{name}: no test_{name}.py below tests/unit/")
        if f"{PAGES}{name.replace('_', '-')}.md" not in paths:
            lacking.append(f"{name}: no page {PAGES}{name.replace('_', '-')}.md")
    return lacking


def test_every_step_type_has_its_test_and_its_page():
    lacking = missing({source.path for source in all_files()})
    assert not lacking, "\n" + "\n".join(lacking)


def test_a_step_type_alone_is_not_enough():
    code = CODE + "do_while.py"
    assert len(missing({code})) == 2
    assert len(missing({code, "tests/unit/test_do_while.py"})) == 1
    assert missing({code, "tests/unit/a/test_do_while.py", PAGES + "do-while.md"}) == []
