"""Questions to a lake that people ask first, as SQL to begin from."""

from typing import NamedTuple


class ReadyQuery(NamedTuple):
    """A question and its SQL."""

    name: str  # in the address
    title: str
    sql: str


READY = (
    ReadyQuery(
        "rules",
        "What did each rule take?",
        """SELECT stage, rule, outcome, count(*) AS records
FROM ledger GROUP BY ALL ORDER BY records DESC""",
    ),
    ReadyQuery(
        "near-misses",
        "Which pages failed by a hair?",
        """SELECT url, rule, value, threshold
FROM ledger WHERE outcome = 'dropped' AND threshold > 0 AND value > 0 AND value <> threshold
ORDER BY abs(value / threshold - 1) LIMIT 50""",
    ),
    ReadyQuery(
        "hosts",
        "Which hosts fill the corpus?",
        """SELECT p.host, count(*) AS pages, sum(p.word_count) AS words
FROM pages p JOIN ledger l USING (id) WHERE l.outcome = 'kept'
GROUP BY p.host ORDER BY words DESC LIMIT 50""",
    ),
    ReadyQuery(
        "lost-hosts",
        "Which hosts lost most of their pages?",
        """SELECT p.host, count(*) AS pages, count(*) FILTER (l.outcome <> 'kept') AS dropped,
  round(100 * dropped / pages, 1) AS percent, mode(l.rule) FILTER (l.outcome <> 'kept') AS mostly_by
FROM pages p JOIN ledger l USING (id)
GROUP BY p.host HAVING pages >= 5 ORDER BY percent DESC, pages DESC LIMIT 50""",
    ),
    ReadyQuery(
        "languages",
        "In which languages are the pages?",
        """SELECT language, count(*) AS pages, round(avg(language_score), 3) AS how_sure
FROM pages GROUP BY language ORDER BY pages DESC""",
    ),
    ReadyQuery(
        "confidence",
        "How sure was the extraction of main text?",
        """SELECT round(extraction_confidence, 1) AS confidence, count(*) AS number,
  bar(count(*), 0, max(count(*)) OVER (), 40) AS histogram
FROM pages GROUP BY confidence ORDER BY confidence""",
    ),
    ReadyQuery(
        "lengths",
        "How long are the documents that were kept?",
        """SELECT unnest([0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1]) AS quantile,
  unnest(quantile_cont(word_count, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1])) AS words
FROM pages JOIN ledger USING (id) WHERE outcome = 'kept'""",
    ),
    ReadyQuery(
        "clusters",
        "Which pages were copied most?",
        """SELECT p.url, count(*) AS copies
FROM clusters c JOIN pages p ON p.id = c.cluster
GROUP BY p.url ORDER BY copies DESC LIMIT 50""",
    ),
    ReadyQuery(
        "personal-data",
        "How much personal data was replaced?",
        """SELECT sum(pii_emails) AS emails, sum(pii_phones) AS phones, sum(pii_ipv4s) AS ipv4s,
  sum(pii_ipv6s) AS ipv6s, sum(pii_cards) AS cards, sum(pii_ibans) AS ibans, sum(pii_keys) AS keys,
  sum(pii_national_ids) AS national_ids, count(*) AS documents
FROM corpus""",
    ),
    ReadyQuery(
        "truth",
        "Where did filters and ground truth disagree? (sample web)",
        """SELECT t.kind, t.expected, t.stage AS expected_stage, l.outcome, l.stage, l.rule,
  count(*) AS pages, min(t.url) AS url
FROM truth t JOIN ledger l ON l.url = t.url AND l.warc = t.warc AND l.record_type = 'response'
WHERE t.expected <> l.outcome OR t.stage <> l.stage GROUP BY ALL ORDER BY pages DESC""",
    ),
    ReadyQuery(
        "conversations",
        "From where do the conversations come?",
        """SELECT source, count(*) AS conversations, round(avg(len(messages)), 1) AS messages,
  count(DISTINCT origin) FILTER (origin <> '') AS pages
FROM conversations GROUP BY source ORDER BY conversations DESC""",
    ),
    ReadyQuery(
        "scores",
        "How good is each model?",
        """SELECT suite, task, metric, model, round(value, 4) AS value,
  round(low, 4) AS low, round(high, 4) AS high, n
FROM evals ORDER BY suite, task, metric, model LIMIT 200""",
    ),
    ReadyQuery(
        "training",
        "How did training go?",
        """SELECT stage, max(step) AS steps, max(tokens) AS tokens,
  arg_min(loss, step) AS first_loss, arg_max(loss, step) AS last_loss,
  max(seconds) AS seconds, max(energy_kwh) AS kwh
FROM metrics GROUP BY stage, run ORDER BY tokens DESC""",
    ),
    ReadyQuery(
        "cost",
        "What took the time?",
        """SELECT kind, count(*) AS artifacts, round(sum(seconds), 1) AS seconds,
  sum(rows) AS rows, sum(bytes) AS bytes
FROM artifacts GROUP BY kind ORDER BY seconds DESC""",
    ),
)
BY_NAME = {query.name: query for query in READY}
