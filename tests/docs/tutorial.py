"""Plays the tutorial as a newcomer would: writes its files, types its commands, reads what is said.

`python -m tests.docs.tutorial` (`make tutorial`) takes a fresh clone and a fresh environment; a
test does it in the environment that it runs in.

How the page says what is to be done, block by block, from top to bottom:

- ` ```python file NAME `: the whole of a file; ` ```python append NAME `: more at its end.
- ` ```diff NAME `: the lines with `-`, which stand in it exactly once, become those with `+`.
- ` ```console terminal N `: what is typed behind `$ ` in the shell of that terminal, and what it
  says; `^C` interrupts what runs there. A block without a command waits for what comes by itself.
  A command that shows nothing has to end; another one may go on for longer than its block.
- the word `setup` on such a block: the environment. Not run where one is there already.

In what is typed `ID` stands for the id that came last in that terminal (a service that begins shows
older ones in its own, whenever it comes to that), and `PID` for the number behind the last
`process`; the port 8080 is any free one here. Outputs are compared as on every page (outcome.py).
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.outcome import differs
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.terminal import Terminal

PAGE = ROOT / "docs" / "tutorial" / "index.md"
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_PID = re.compile(r"\bprocess (\d+)")


class Reader:
    """Who follows the tutorial, in `folder`; `fresh`: with an environment made on the way."""

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        self.folder = folder
        self.fresh = fresh
        self.done: list[str] = []
        self._terminals: dict[str, Terminal] = {}
        self._ids: dict[str, str] = {}  # by terminal
        self._pid = ""
        self._port = str(_free_port())

    def follow(self, page: str) -> None:
        """Do all that the page says; AssertionError with the difference where it lies."""
        try:
            for block in blocks(page):
                self._one(block)
        finally:
            for terminal in self._terminals.values():
                terminal.close()

    def _one(self, block: Block) -> None:
        match (block.language, block.words):
            case ("python", ("file", name)):
                (self._shop / name).write_text(block.text, "utf-8")
            case ("python", ("append", name)):
                path = self._shop / name
                path.write_text(f"{path.read_text('utf-8')}\n\n{block.text}", "utf-8")
            case ("diff", (name,)):
                self._change(self._shop / name, block)
            case ("console", ("terminal", number)):
                self._console(number, block)
            case ("console", ("terminal", number, "setup")) if self.fresh:
                self._console(number, block)
            case ("console", ("terminal", _number, "setup")):
                self._as_if_set_up()
            case _:
                raise AssertionError(f"line {block.line}: nobody knows what this block is for")

    @property
    def _shop(self) -> Path:
        return self.folder / "shop"

    def _as_if_set_up(self) -> None:
        """The folder, and an activation that leads to the environment of this process."""
        scripts = self._shop / ".venv" / "bin"
        scripts.mkdir(parents=True)
        binaries = Path(sys.executable).parent
        (scripts / "activate").write_text(f'PATH="{binaries}:$PATH"\n', "utf-8")
        self._in("1").type("cd shop")
        self._in("1").type(". .venv/bin/activate")

    def _in(self, number: str) -> Terminal:
        if number not in self._terminals:
            self._terminals[number] = Terminal(self.folder)
        return self._terminals[number]

    def _change(self, path: Path, block: Block) -> None:
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in "- ")
        new = "".join(line[1:] for line in lines if line[0] in "+ ")
        text = path.read_text("utf-8")
        assert f"\n{text}".count(f"\n{old}") == 1, f"line {block.line}: not once in {path.name}"
        path.write_text(f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:], "utf-8")

    def _console(self, number: str, block: Block) -> None:
        """Type each command of the block, and wait for what is shown below it."""
        terminal = self._in(number)
        typed: list[tuple[str, str]] = [("", "")]
        for line in block.text.splitlines(keepends=True):
            if line.startswith(("$ ", "^C")):
                typed.append((line.strip(), ""))
            else:
                typed[-1] = (typed[-1][0], typed[-1][1] + line)
        for command, text in typed:
            shown = self._seen(text)
            if command == "^C":
                terminal.interrupt()
            elif command:
                terminal.type(self._filled(number, command[2:]))
                self.done.append(command[2:])
            elif not shown:
                continue
            said = terminal.read(
                lambda text, shown=shown: not differs(shown, self._seen(text)),
                to_the_end=not shown,
            )
            where = f"{PAGE.name}, line {block.line}: {command}"
            assert said is not None, f"{where}\n{differs(shown, self._seen(terminal.unread))}"
            self._remember(number, said)

    def _filled(self, number: str, command: str) -> str:
        id = self._ids.get(number, "no id yet")
        command = re.sub(r"\bPID\b", self._pid, re.sub(r"\bID\b", id, command))
        return command.replace("8080", self._port)

    def _seen(self, text: str) -> str:
        """The text with what is another one each time as the page has it, or can have it."""
        return _PID.sub("process PID", text.replace(self._port, "8080"))

    def _remember(self, number: str, said: str) -> None:
        if found := _ID.findall(said):
            self._ids[number] = found[-1]
        self._pid = (_PID.findall(said) or [self._pid])[-1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    """From nothing: a clone of this project's last commit, in an empty folder."""
    folder = Path(tempfile.mkdtemp(prefix="pavane-tutorial-"))
    try:
        clone = ["git", "clone", "--quiet", str(ROOT), str(folder / "pavane")]
        subprocess.run(clone, check=True)
        reader = Reader(folder, fresh=True)
        reader.follow((folder / "pavane" / PAGE.relative_to(ROOT)).read_text("utf-8"))
        print(f"The tutorial holds: {len(reader.done)} commands in {folder.name}.")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
