"""The tables of what travels: attributes of messages, their kinds, records of journals."""

import re

import msgspec

from pavane.core.model import journal
from pavane.core.projection import message, wire
from tests.docs.drawn.markers import filled, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "wire.md"
_KIND = re.compile(r'^[A-Z]+: Final = "(?P<name>[a-z]+)"  # (?P<about>.*)$', re.MULTILINE)
_MEANS = {
    "procname": "the workflow",
    "procversion": "the content hash of its definition: both sides have the very same one",
    "procinstance": "the execution",
    "prockind": "the kind of message, below",
    "correlationid": "the execution",
    "causationid": "the id of the message that led to this one",
    "procto": "the role that is to get it",
    "procfrom": "the role that sends it",
    "procscope": "the path of the scope that it is about; not there for the execution itself",
    "procstep": "the step that it is about, or where the execution goes on",
    "procsource": "the step that it comes from",
    "procoutcome": "how that step ended",
    "procepoch": "which instance of the scope: what is late is told from what is new by it",
    "prociter": "the iteration of each enclosing loop, outermost first, of `procstep`",
    "procsourceiter": "the same of `procsource`",
}


def attributes() -> dict[str, str]:
    """What each attribute means; it fails where one has no words here, or is no more."""
    bare = message.Message(kind="token", to="a", sender="b")
    sent = wire.to_event(wire.Envelope("e", "w", "h", bare), causation="m").attributes
    names = {*sent, *wire._TEXTS, *wire._PLACES}
    assert names == set(_MEANS), names ^ set(_MEANS)
    return _MEANS


def kinds() -> list[list[str]]:
    """Every kind with who sends it and why, as the comments beside the names say."""
    with open(message.__file__, encoding="utf-8") as source:
        text = source.read().partition("# Outcomes of a token.")[0]
    return [[f"`{each['name']}`", each["about"]] for each in _KIND.finditer(text)]


def notes() -> list[list[str]]:
    """Every record of a journal: its name, its fields, and what it says."""
    rows = []
    for note in (each for each in vars(journal).values() if isinstance(each, type)):
        if issubclass(note, msgspec.Struct):
            about = (note.__doc__ or "").partition("\n\n")[0]
            fields = ", ".join(f"`{name}`" for name in note.__struct_encode_fields__)
            rows.append([f"`{note.__struct_config__.tag}`", " ".join(about.split()), fields])
    return rows


def drawn(page: str) -> str:
    """The page with its tables as the code is now."""
    named = [[f"`{name}`", means] for name, means in attributes().items()]
    return filled(
        page,
        {
            "attributes": table(["attribute", "is"], named),
            "kinds": table(["kind", "from whom to whom, and why"], kinds()),
            "journal": table(["note", "says", "fields"], notes()),
        },
    )
