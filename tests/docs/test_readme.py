"""The README's first screen does what it says, from the first command to the outcome it shows."""

import subprocess

from tests.docs.outcome import differs
from tests.docs.pages import ROOT, first_screen
from tests.docs.running import run

README = (ROOT / "README.md").read_text("utf-8")

# These lead to where this test already is.
LEADS_HERE = ("git clone ", "cd ")


def test_the_first_screen_does_what_it_says():
    commands, shown = first_screen(README)
    printed = ""
    for command in commands:
        if command.split("#")[0].strip() == "make test":
            # We are inside it; that it is there and begins is all that can be asked from here.
            subprocess.run(["make", "-n", "test"], cwd=ROOT, check=True, capture_output=True)
        elif not command.startswith(LEADS_HERE):
            printed += run(command, ROOT)
    if shown is not None:
        # What was set up on the way is not the outcome.
        lines = [line for line in printed.splitlines() if not line.startswith("Setting up ")]
        difference = differs(shown, "\n".join(lines))
        assert not difference, f"{difference}\n\nprinted:\n{printed}"


def test_the_two_fixed_commands_are_on_the_first_screen():
    commands, _ = first_screen(README)
    assert {c.split("#")[0].strip() for c in commands} >= {"make demo", "make test"}
