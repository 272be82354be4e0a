"""How many pages of each kind a sample web of a given size has.

Shares add up to one in each group; every kind has at least one page (two where a page could be
lost), so a small web still has all of them.
"""

from pipeline.sample_web.config import SampleWebConfig
from pipeline.sample_web.junk import JUNK
from pipeline.sample_web.other_languages import SHARES as FOREIGN_SHARES

# Of all pages.
FOREIGN = 0.26
JUNK_SHARE = 0.115
NEAR_DUPLICATES = 0.03
MIRRORS = 0.018
# Of the others, all in English and to be kept.
KEPT = {
    "biography": 0.15,
    "town": 0.08,
    "river": 0.045,
    "company": 0.075,
    "notes": 0.08,
    "travel": 0.055,
    "news": 0.065,
    "chronicle": 0.045,
    "questions": 0.13,
    "homework": 0.205,
    "story": 0.035,
    "recipe": 0.02,
    "craft": 0.015,
}
# Records that are no readable page, a fixed number of each.
UNREADABLE = ("not_found", "image", "broken_headers", "revisit")
UNREADABLE_EACH = 2

STATED_ON_A_PAGE = {"questions": 7.0, "homework": 0.9}  # facts, measured; other kinds:
STATED_ON_AN_ARTICLE = 9.5
GUARANTEED = 20  # statements of a fact that is stated often
LEAST_MENTIONS = 28  # aimed at, so that even the least stated fact reaches what is guaranteed
FACT_KINDS = ("biography", "town", "river", "company", "notes", "travel", "news", "chronicle")


def page_counts(config: SampleWebConfig) -> dict[str, int]:
    """Pages by kind; a foreign page's kind is `foreign/de` and so on."""
    counts = {
        f"foreign/{language}": max(1, round(config.pages * FOREIGN * share))
        for language, share in FOREIGN_SHARES.items()
    }
    counts |= {kind: max(1, round(config.pages * JUNK_SHARE / len(JUNK))) for kind in JUNK}
    counts["near_duplicate"] = max(2, round(config.pages * NEAR_DUPLICATES))
    counts["mirror"] = max(2, round(config.pages * MIRRORS))
    counts |= dict.fromkeys(UNREADABLE, UNREADABLE_EACH)
    left = config.pages - sum(counts.values())
    kept = {kind: max(1, int(left * share)) for kind, share in KEPT.items()}
    kept["biography"] += left - sum(kept.values())
    return counts | kept


def often_entities(config: SampleWebConfig) -> int:
    """How many entities the pages can state often, at four facts each."""
    counts = page_counts(config)
    statements = sum(counts[kind] for kind in FACT_KINDS) * STATED_ON_AN_ARTICLE
    statements += sum(counts[kind] * stated for kind, stated in STATED_ON_A_PAGE.items())
    return max(4, int(statements / (3.8 * max(config.mentions, LEAST_MENTIONS))))
