"""axe-core in a page: what of WCAG 2.2 AA (and good practice) a machine can see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

SOURCE = Path(__file__).parents[2] / "webchat" / "widget" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'], runOnly: [
  'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations.map((one) =>
  `${one.id} (${one.help}): ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`)"""


async def violations(page: Page) -> list[str]:
    """All violations on the page as it is now, shadow trees included. Put in past its Content-Security-Policy."""
    if not SOURCE.is_file():
        pytest.fail("axe-core is not installed: remove webchat/widget/dist and run make setup")
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(SOURCE.read_text())
    found: list[Any] = await page.evaluate(RUN)
    return [str(one) for one in found]
