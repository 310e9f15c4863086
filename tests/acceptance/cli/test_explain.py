"""`pavane explain`: from an error to what can be read about it, with no network."""

from pathlib import Path

from pavane.doors.explaining import sections
from tests.acceptance.cli.processes import done, refused


def test_an_error_names_the_command_that_explains_it(tmp_path: Path):
    said = refused(tmp_path, 1, "list", "--store", "sqlite:///nowhere/here.db")
    command = said.splitlines()[-1]
    assert command == "`pavane explain store` says more."
    text = done(tmp_path, *command.split("`")[1].split()[1:])
    assert text.startswith("store\n\nThe store, or the ledger of a service, cannot be used")
    assert "What to do: " in text
    assert "](" not in text  # a link is words here


def test_the_name_of_an_exception_will_do(tmp_path: Path):
    assert done(tmp_path, "explain", "StoreBusyError").startswith("store-busy\n")
    assert done(tmp_path, "explain", "pavane.errors.Fail").startswith("failed\n")


def test_without_a_code_all_are_listed(tmp_path: Path):
    lines = done(tmp_path, "explain").splitlines()
    assert [line.split()[0] for line in lines] == list(sections())
    assert all(len(line.split()) > 3 for line in lines)


def test_a_code_that_is_none_is_refused_with_the_nearest(tmp_path: Path):
    assert "Did you mean past-pivot?" in refused(tmp_path, 2, "explain", "past-pivto")
    assert "`pavane explain` lists them." in refused(tmp_path, 2, "explain", "PavanneError")


def test_a_slip_in_an_option_leads_to_the_help_and_no_further(tmp_path: Path):
    assert "says more" not in refused(tmp_path, 2, "start", "x", "--inptu", "{}")
