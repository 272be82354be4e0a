"""The pages in a real browser: one Chromium for all tests of a session, and what no page may do.

A visit records whatever a page asks of another origin (it gets nothing), what it says on the
console, and what the content security policy refuses. `check` fails on any of it, on axe's
violations in both themes and at both widths, and on a page that scrolls sideways. To wait, use
Playwright's `expect(locator)`: `wait_for_function` needs what the policy forbids.
"""

import asyncio
import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Dialog, Page, Route, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text(encoding="utf-8")
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
HEIGHT = 900
WAIT_MILLISECONDS = (
    120_000  # of a machine ten times slower; whatever comes sooner is not waited for
)
expect.set_options(timeout=WAIT_MILLISECONDS)
AXE_OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
# At each width all rules in one theme; a theme changes colours alone, so in the other theme those
# that look at colours.
COLOURS = {**AXE_OPTIONS, "runOnly": ["color-contrast", "link-in-text-block"]}
WHOLE = {1280: "light", 390: "dark"}
# No page has content that lies beside its landmarks or headings that skip a level.
RUN_AXE = "options => axe.run(document, options).then(found => found.violations)"
INJECTED = "window.injected === 1 || document.querySelector('.injected') !== null"


class OpenBrowser:
    """A browser that stays open between tests.

    As long as it does, Playwright's event loop counts as the one that runs in this thread, and no
    test could run another. So it is set aside whenever no page is open.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser, self._loop = browser, asyncio._get_running_loop()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Browser]:
        """The browser, while its loop is the running one."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(before)


@dataclasses.dataclass
class Visits:
    """Of one context: a site, JavaScript on or off."""

    opened: OpenBrowser
    root: str
    problems: list[str] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def __call__(self, path: str, scripts: bool = True, **more: Any) -> Iterator[Page]:
        """An open page of the site.

        Args:
            path: of it.
            scripts: whether JavaScript runs.
            more: of Playwright's new_context.
        """
        self.problems.clear()
        with self.opened.at_work() as browser:
            context = browser.new_context(
                **{
                    "java_script_enabled": scripts,
                    "viewport": {"width": WIDTHS[0], "height": HEIGHT},
                    "reduced_motion": "reduce",
                    **more,
                }
            )
            context.set_default_timeout(WAIT_MILLISECONDS)
            context.route("**/*", self._route)
            page = context.new_page()
            page.on("console", lambda said: self._note(said.type, said.text))
            page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
            page.on("dialog", self._close)
            try:
                page.goto(self.root + path)
                yield page
            finally:
                context.close()

    def check(self, page: Page, axe: bool = True) -> None:
        """Fail on whatever no page may do, in each theme and at each width."""
        assert not page.evaluate(INJECTED), "something that was shown became markup"
        if axe:
            page.evaluate(AXE)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{page.url}: at {width} px the page scrolls sideways by {wide} px"
            for theme in THEMES:
                if not axe:
                    continue
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                options = AXE_OPTIONS if WHOLE[width] == theme else COLOURS
                found = page.evaluate(RUN_AXE, options)
                assert found == [], "\n".join(_told(page, width, theme, one) for one in found)
        page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
        assert self.problems == [], self.problems

    def screenshots(self, page: Page, name: str) -> None:
        """Pictures in $SCREENSHOTS, where it is set: `name-1280-light.png` and three more."""
        if not (folder := os.environ.get("SCREENSHOTS")):
            return
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                file = Path(folder) / f"{name}-{width}-{theme}.png"
                page.screenshot(path=file, full_page=True)

    def _route(self, route: Route) -> None:
        asked, own = urlsplit(route.request.url), urlsplit(self.root)
        if asked.scheme in ("http", "https") and asked.netloc != own.netloc:
            self.problems.append(f"asks {route.request.url}")
            route.abort()
        else:
            route.continue_()

    def _close(self, dialog: Dialog) -> None:
        self.problems.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _note(self, kind: str, text: str) -> None:
        # A refusal by the policy is an error on the console.
        if kind in ("error", "warning"):
            self.problems.append(f"console: {text}")


@contextlib.contextmanager
def opened_browser() -> Iterator[OpenBrowser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        opened = OpenBrowser(
            playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
        )
        asyncio._set_running_loop(None)
        try:
            yield opened
        finally:
            asyncio._set_running_loop(opened._loop)
            opened.browser.close()


def _told(page: Page, width: int, theme: str, violation: dict[str, Any]) -> str:
    where = [
        f"{node['html'][:200]} {node.get('failureSummary', '')}" for node in violation["nodes"]
    ]
    listed = "\n  ".join(where[:5])
    return f"{page.url} at {width} px, {theme}: {violation['id']}: {violation['help']}\n  {listed}"
