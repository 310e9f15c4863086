"""Draws all pages anew, in place; `make fix` does it."""

from tests.docs.drawn.all_pages import ALL

for page in ALL:
    page.PAGE.write_text(page.drawn(page.PAGE.read_text("utf-8")), "utf-8")
