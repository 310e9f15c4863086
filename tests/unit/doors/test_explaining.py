"""The reference of errors is whole: each code has its section, and each section its code."""

import traceback

from pavane.doors.explaining import address_of, sections
from pavane.errors import PastPivotError
from tests.docs.drawn.errors import OF_HTTP, kinds


def test_each_code_has_its_section_and_each_section_its_code():
    assert set(sections()) == {*kinds(), *OF_HTTP}
    assert len(sections()) > 30


def test_a_section_says_what_to_do():
    for code, text in sections().items():
        assert "What to do: " in text, code


def test_a_traceback_ends_with_what_explains_it():
    text = "".join(traceback.format_exception(PastPivotError("No way back.", "Go on.")))
    assert text.endswith("Go on.\n`pavane explain past-pivot` says more.\n")


def test_the_address_of_a_section_is_a_path():
    assert address_of("past-pivot") == "/problems/past-pivot"
