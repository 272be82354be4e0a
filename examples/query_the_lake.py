"""Ask a finished lake what became of its pages, what its models can do and what it cost.

    python examples/query_the_lake.py lake
    python examples/query_the_lake.py s3://bucket/lake "SELECT count(*) FROM documents"

Every artifact is Parquet; `query` gives an Arrow table, so `.to_pandas()` is one step away.
"""

import sys

from storage import Lake
from storage.catalog import query

QUESTIONS = {
    "Which rule took most pages?": """
        SELECT stage, rule, count(*) AS pages FROM ledger WHERE outcome = 'dropped'
        GROUP BY ALL ORDER BY pages DESC LIMIT 8""",
    "Which hosts give most text, and how sure is their language?": """
        SELECT host, count(*) AS pages, sum(word_count) AS words,
               round(avg(language_score), 3) AS score
        FROM documents GROUP BY host ORDER BY words DESC LIMIT 5""",
    "Which pages were only just long enough (select.gopher_quality.min_words)?": """
        SELECT url, word_count, round(punctuated_line_fraction, 3) AS punctuated
        FROM documents ORDER BY word_count, url LIMIT 3""",
    "Which page has most near-copies?": """
        SELECT d.url, c.copies FROM documents d JOIN (
            SELECT cluster, count(*) AS copies FROM clusters GROUP BY cluster) c USING (cluster)
        ORDER BY c.copies DESC, d.url LIMIT 3""",
    "What did each stage of training change?": """
        SELECT suite, task, metric, max(n) AS n,
               round(max(value) FILTER (model = 'base'), 3) AS base,
               round(max(value) FILTER (model = 'sft'), 3) AS sft,
               round(max(value) FILTER (model = 'rl'), 3) AS rl
        FROM evals WHERE metric IN ('accuracy', 'valid_turns')
            AND task IN ('unfamiliar', 'different_lengths', 'new_wordings', '6_digits')
        GROUP BY ALL ORDER BY suite, task""",
    "What did it cost?": """
        SELECT kind, count(*) AS artifacts, round(sum(seconds), 1) AS seconds,
               sum(bytes) AS bytes
        FROM artifacts WHERE current GROUP BY kind ORDER BY seconds DESC LIMIT 8""",
}


def main() -> None:
    lake = Lake(sys.argv[1] if len(sys.argv) > 1 else "lake")
    questions = {"": sys.argv[2]} if len(sys.argv) > 2 else QUESTIONS
    for question, sql in questions.items():
        print(f"\n{question}")
        for row in query(lake, sql).to_pylist():
            print("   ", ", ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
