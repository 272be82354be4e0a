"""The share of pages read right, by charset: every one of the WHATWG's, whole and damaged.

`PYTHONPATH=tests/helpers python -m tests.benchmarks.charsets` prints it as Markdown.
"""

from collections import Counter

from charset_pages import CHARSETS, DAMAGES, DECLARED, Damaged, pages

from pipeline.extract.decode import decode


def is_right(page: Damaged) -> bool:
    """Whether everything but the damaged sentence came out."""
    text, _ = decode(page.html, page.header)
    return all(wanted in text for wanted in page.wanted)


def main() -> None:
    right: Counter[tuple[str, str]] = Counter()
    all_of: Counter[tuple[str, str]] = Counter()
    for page in pages():
        good = is_right(page)
        for column in (page.damage, page.declared or "undeclared", "all"):
            for row in (page.charset, "all"):
                right[row, column] += good
                all_of[row, column] += 1
    columns = [*DAMAGES, *(declared or "undeclared" for declared in DECLARED), "all"]
    print(f"| charset | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for row in (*CHARSETS, "all"):
        cells = [
            f"{right[row, column]}/{all_of[row, column]}" if all_of[row, column] else ""
            for column in columns
        ]
        print(f"| {row} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
