"""Labels from gold text: alignment of blocks, the lexicon, and reading of gold pages."""

import gzip
import json

import numpy as np

from pipeline.extract import _features
from pipeline.extract.learn import gold_pages
from pipeline.extract.learn.align import shares, tokens
from pipeline.extract.learn.shingles import page_scores, score
from pipeline.extract.learn.word_weights import hosts_of_words, lexicon_of
from pipeline.extract.segment import segment

BODY = "One two three four five six. Seven eight nine ten."


def test_blocks_of_the_gold_text_get_one():
    texts = ["Home", "One two three four five six.", "Advertisement", "Seven eight nine ten.", ""]
    found = shares(texts, BODY)
    assert found[:4].tolist() == [0, 1, 0, 1]
    assert np.isnan(found[4])


def test_a_teaser_that_repeats_the_text_gets_nothing():
    teaser = "One two three four"
    found = shares(["One two three four five six.", "Seven eight nine ten.", teaser], BODY)
    assert found.tolist() == [1, 1, 0]


def test_short_blocks_count_between_their_neighbours_only():
    gold = "One two three four five.\nTip\nSix seven eight nine ten."
    texts = ["Tip", "One two three four five.", "Tip", "Six seven eight nine ten.", "Tip"]
    assert shares(texts, gold).tolist() == [0, 1, 1, 1, 0]


def test_moved_blocks_count_once():
    gold = "Last words come first here. One two three four five six."
    texts = ["One two three four five six.", "Last words come first here."]
    assert shares(texts, gold).tolist() == [1, 1]


def test_a_block_partly_in_the_gold_text():
    found = shares(["one two three four five six extra words stand here too"], BODY)
    assert 0.4 < found[0] < 0.7


def test_scripts_without_spaces_are_split():
    assert tokens("日本語 text") == ["日", "本", "語", "text"]
    assert shares(["第一段落です。", "広告"], "第一段落です。").tolist() == [1, 0]


def test_the_shingle_measure():
    assert page_scores(BODY, BODY) == (1, 1)
    assert page_scores("", BODY) == (0, 0)
    assert page_scores("One two three four", "One two three four five") == (1, 0.5)
    f1, precision, recall = score([(BODY, BODY), ("One two three four", "One two three four five")])
    assert (precision, recall) == (1, 0.75)
    assert abs(f1 - 6 / 7) < 1e-12


def write(folder, records):
    with gzip.open(folder / "some.jsonl.gz", "wt") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


def test_gold_pages_are_read(tmp_path):
    html = f"<p>Menu</p><p>{BODY}</p>"
    write(
        tmp_path,
        [
            {"id": "1", "host": "a.org", "html": html, "gold": BODY},
            {"id": "2", "host": "www.b.org", "html": html, "gold": BODY},
            {"id": "3", "host": "c.org", "html": html, "gold": "Text that the page does not have."},
            {"id": "4", "host": "d.org", "html": html, "wanted": [BODY], "unwanted": ["Menu"]},
            {"id": "5", "host": "e.org", "html": html, "blocks": [["Menu", 0]], "weight": 0.5},
            {
                "id": "6",
                "host": "f.org",
                "html": html,
                "blocks": [[BODY, None], ["Menu", 0]],
                "wanted": [BODY[:20]],
                "unwanted": [],
            },
        ],
    )
    found = list(gold_pages.read(tmp_path, frozenset({"b.org"})))
    assert [page.id for page in found] == ["1", "4", "6"]  # too few of page 5 are there
    assert found[0].labels.tolist() == [0, 1]
    assert found[1].labels.tolist() == [0, 1]
    assert found[2].labels.tolist() == [0, 1]
    assert found[0].collection == "some"


def test_what_collections_differ_in_is_labelled_alike(tmp_path):
    html = (
        "<title>A storm comes | Paper</title><h1>A storm comes</h1>"
        f"<p>Snow and wind for days.</p><p>{BODY}</p><h2>What storm is it?</h2>"
        "<figure><figcaption>Trees near the coast</figcaption></figure>"
    )
    gold = f"A storm comes\n{BODY}\nWhat storm is it?\nTrees near the coast"
    record = {"id": "1", "host": "a.org", "html": html, "gold": gold}
    write(tmp_path, [record, record | {"id": "2", "kind": "product"}])
    article, product = gold_pages.read(tmp_path)
    assert article.labels.tolist() == [0, 0, 1, 1, 0]
    assert product.labels.tolist() == [1, 0, 1, 1, 1]
    write(tmp_path, [record | {"optional": "Snow and wind for days."}])
    labels = next(gold_pages.read(tmp_path)).labels
    assert np.isnan(labels[1])
    assert labels[[0, 2, 3, 4]].tolist() == [0, 1, 1, 0]


def test_furniture_far_from_main_text_is_thinned_out():
    from pipeline.extract.learn.train import FAR_BLOCKS, FAR_EVERY, thinned

    def labelled(labels: np.ndarray) -> gold_pages.GoldPage:
        sizes = np.ones(len(labels))
        return gold_pages.GoldPage("", "", "", "", segment(""), "", labels, sizes, 1.0)

    weights = np.ones(80)
    labels = np.array([0.0] * 40 + [1.0, np.nan, 1.0] + [0.0] * 37)
    found = thinned(labelled(labels), weights)
    assert found[40 - FAR_BLOCKS : 43 + FAR_BLOCKS].tolist() == [1] * (3 + 2 * FAR_BLOCKS)
    assert set(found.tolist()) == {0, 1, FAR_EVERY}
    assert found[:15].tolist() == [4, 0, 0, 0] * 3 + [4, 0, 0]
    assert np.array_equal(thinned(labelled(np.zeros(80)), weights), weights)


def test_words_known_from_several_hosts_weigh(tmp_path):
    html = f"<p>Subscribe now</p><p>{BODY}</p>"
    write(
        tmp_path,
        [{"id": str(n), "host": f"h{n}.org", "html": html, "gold": BODY} for n in range(6)],
    )
    counts = hosts_of_words(gold_pages.read(tmp_path))
    parts = [
        [p for p in gold_pages.read(tmp_path) if p.fold == fold] for fold in range(gold_pages.FOLDS)
    ]
    assert np.array_equal(sum(hosts_of_words(part) for part in parts), counts)
    lexicon = np.frombuffer(lexicon_of(counts), np.int8)
    subscribe, seven = (_features.keys(word)[3] for word in ("subscribe", "seven"))
    assert lexicon[subscribe] < 0 < lexicon[seven]
    assert not lexicon[_features.keys("unknown")[3]]
