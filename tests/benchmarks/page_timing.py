"""How long a page takes in Chromium: the server's answer, the first paint, what a click brings.

Times are the browser's own. A visit has an empty cache. An interaction's time begins with the
person's last event (pointer or key: that which asks, not the filling in of a field before) and ends
with the first paint of the page that it leads to or, where a script shows the result, with the
picture in which it stands.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from playwright.sync_api import Browser, BrowserContext, Page

WIDTH, HEIGHT = 1280, 900
WAIT_MILLISECONDS = 60_000
# The last paint entry may come after the load.
FIRST_PAINT = """
() => new Promise((done) => new PerformanceObserver((list) => {
  const found = list.getEntriesByName("first-contentful-paint");
  if (found.length) done(found[0].startTime);
}).observe({ type: "paint", buffered: true }))
"""
ANSWER = """
() => {
  const [way] = performance.getEntriesByType("navigation");
  return way.responseStart - way.requestStart;
}
"""
ORIGIN = "() => performance.timeOrigin"
# When a person began: kept where the next page finds it.
BEGUN = """
() => {
  sessionStorage.removeItem("begun");
  for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, (event) => {
      sessionStorage.setItem("begun", performance.timeOrigin + event.timeStamp);
    }, { capture: true });
  }
}
"""
WHEN_BEGUN = "() => Number(sessionStorage.getItem('begun'))"
# The picture after the one that is drawn next has what stands there now.
SHOWN = """
() => {
  const isShown = %s;
  window.drawn = new Promise((done) => {
    const seen = () => requestAnimationFrame(() => setTimeout(
      () => done(performance.timeOrigin + performance.now())));
    const watch = new MutationObserver(() => {
      if (isShown()) { watch.disconnect(); seen(); }
    });
    watch.observe(document, {
      subtree: true, childList: true, characterData: true, attributes: true });
  });
}
"""
DRAWN = "() => window.drawn"


@dataclasses.dataclass(frozen=True)
class Interaction:
    """One thing that a person does."""

    title: str  # in the table
    path: str  # of the page where it is done
    act: Callable[[Page], object]
    # JavaScript, a function: whether the result stands there; "": it is another page.
    shown: str = ""
    prepare: Callable[[], object] | None = None  # of the server's stores, before each time
    model: str = ""  # what it waits for, where that is a model


@dataclasses.dataclass(frozen=True)
class Times:
    """Of one thing, in milliseconds, once for each repetition."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one; of an even number the lower one."""
        return self._at(0.5)

    @property
    def p95(self) -> float:
        """What 95 of a hundred don't exceed; of fewer than twenty the longest."""
        return self._at(0.95)

    def _at(self, share: float) -> float:
        return sorted(self.values)[math.ceil(share * len(self.values)) - 1]


@dataclasses.dataclass(frozen=True)
class Visit:
    """What a page took."""

    first: float  # milliseconds to the first paint, the first time after the server's start
    answer: Times  # from the request to the answer's first byte
    paint: Times  # from the navigation's start to the first contentful paint


def visit(
    browser: Browser, root: str, path: str, cookies: Sequence[dict[str, str]], times: int
) -> Visit:
    """Open a page so often, after a first time.

    Args:
        browser: Chromium.
        root: the server's address.
        path: of the page.
        cookies: that the browser has.
        times: that count.
    """
    answers, paints = [], []
    for _ in range(times + 1):
        context = _context(browser, cookies)
        page = context.new_page()
        answered = page.goto(root + path)
        if answered is None or not answered.ok:
            raise SystemExit(f"{path}: {answered and answered.status}")
        paints.append(float(page.evaluate(FIRST_PAINT)))
        answers.append(float(page.evaluate(ANSWER)))
        context.close()
    return Visit(paints[0], Times(tuple(answers[1:])), Times(tuple(paints[1:])))


def interact(
    browser: Browser, root: str, wanted: Interaction, cookies: Sequence[dict[str, str]], times: int
) -> Times:
    """Do a thing so often, after a first time, each time on a page that was just opened."""
    took = []
    for _ in range(times + 1):
        if wanted.prepare is not None:
            wanted.prepare()
        context = _context(browser, cookies)
        page = context.new_page()
        page.goto(root + wanted.path, wait_until="networkidle")
        page.evaluate(BEGUN)
        if wanted.shown:
            page.evaluate(SHOWN % wanted.shown)
            wanted.act(page)
            ended = float(page.evaluate(DRAWN))
        else:
            with page.expect_navigation():
                wanted.act(page)
            ended = float(page.evaluate(ORIGIN)) + float(page.evaluate(FIRST_PAINT))
        took.append(ended - float(page.evaluate(WHEN_BEGUN)))
        context.close()
    return Times(tuple(took[1:]))


def _context(browser: Browser, cookies: Sequence[dict[str, str]]) -> BrowserContext:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(WAIT_MILLISECONDS)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # its own TypedDict
    return context
