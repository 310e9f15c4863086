"""A real browser, if there is one."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
MISSING = "There is no Chromium: `apt-get install chromium` (Debian) lets this test see the pages."


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """Debian's Chromium, with nothing to be seen on a screen."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        # A container has no user namespaces for the browser's own sandbox; only our pages are read.
        found = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield found
        finally:
            await found.close()
