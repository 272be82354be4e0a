"""Columns of the sample web's two side files: the ground truth of every page, and the facts.

`facts.parquet` is what hallucination is measured with; `truth.parquet` is what every filter's
precision and recall are measured with. Both are in the order in which the world was written.
"""

import pyarrow as pa

from storage.schemas import PII_KINDS

FACTS = pa.schema(
    [
        ("entity", pa.string()),  # "Mara Ellison"
        ("kind", pa.string()),  # person, town, river, company
        ("attribute", pa.string()),  # birthplace, mayor, …
        ("value", pa.string()),
        ("frequency", pa.string()),  # often (20 or more statements), once, never
        ("mentions", pa.int64()),  # statements on pages that ought to be kept
        ("prompt", pa.string()),  # a sentence's beginning, never used on pages for this fact
        ("question", pa.string()),  # a question in a wording not used on pages for this fact
        ("asked", pa.bool_()),  # a question-and-answer page on this fact ought to be kept
        ("split", pa.string()),  # train or held_out, by entity
    ]
)

TRUTH = pa.schema(
    [
        ("url", pa.string()),
        ("warc", pa.string()),  # file name
        ("kind", pa.string()),  # biography, homework, mirror, spam_lines, …
        ("language", pa.string()),  # en, de, …
        ("charset", pa.string()),  # of the bytes
        ("expected", pa.string()),  # kept, dropped or error
        ("stage", pa.string()),  # the stage that ought to drop it, "" where kept
        ("duplicate_of", pa.string()),  # url of the page it was made from, else ""
        ("similarity", pa.float64()),  # word 5-gram Jaccard with that page's main text, else null
        *[(f"pii_{kind}s", pa.int64()) for kind in PII_KINDS],  # planted, by kind
        ("pii_values", pa.list_(pa.string())),
        ("main_text", pa.string()),  # paragraphs, one a line
    ]
)
