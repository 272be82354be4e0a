"""The committed model on small pages: main text in, furniture out, in any script."""

import numpy as np
import pytest

from pipeline.extract import features
from pipeline.extract.classify import MODEL, body, classify, preload
from pipeline.extract.forest import load
from pipeline.extract.hints import PATTERNS
from pipeline.extract.segment import FLAGS, segment

ENGLISH = [
    "The council voted on Tuesday to close the bridge for two years, after engineers found cracks "
    "in three of its pillars. Repairs will cost about nine million.",
    "Shop owners on the north side said they feared for their trade. Several of them had asked for "
    "a ferry, which the council wants to discuss in May.",
    "The bridge was built in 1931. It carries some eleven thousand cars a day, and no other way "
    "across the river is nearer than six miles.",
]
CHINESE = [
    "周二，市议会投票决定关闭大桥两年，因为工程师在三根桥墩上发现了裂缝。维修费用约为九百万元，工程将于明年春天开始。",
    "北岸的店主表示担心生意会受到影响。其中几位曾要求开通渡轮，市议会希望在五月讨论此事，并听取居民的意见。",
    "这座桥建于一九三一年，每天约有一万一千辆汽车通过。离它最近的另一座桥在六英里以外，居民们出行将更加不便。",
]
ARABIC = [
    "صوت المجلس يوم الثلاثاء على إغلاق الجسر لمدة عامين، بعد أن وجد المهندسون شقوقا في ثلاث "
    "من دعائمه. وستبلغ تكلفة الإصلاح نحو تسعة ملايين.",
    "وقال أصحاب المتاجر في الجانب الشمالي إنهم يخشون على تجارتهم، وطلب عدد منهم عبارة يريد "
    "المجلس أن يناقشها في شهر مايو المقبل.",
    "بني الجسر عام 1931، وتعبره نحو أحد عشر ألف سيارة في اليوم. ولا يوجد طريق آخر عبر النهر "
    "أقرب من ستة أميال من المدينة.",
]
PAGE = """<html><head><title>{title} | The Paper</title></head><body>
<header><a href=/>The Paper</a><nav><ul><li><a href=/news>News</a></li><li><a href=/sport>Sport</a>
</li><li><a href=/weather>Weather</a></li></ul></nav></header>
<main><article><h1>{title}</h1><div class="byline">By <a href=/staff/jo>Jo Writer</a></div>
{body}
</article><aside class="related-stories"><h3>Related</h3><ul><li><a href=/1>First other story</a>
</li><li><a href=/2>Second other story</a></li></ul></aside></main>
<div id="cookie-banner">We use cookies. <a href=/privacy>Privacy policy</a></div>
<footer><p>Copyright 2024 The Paper</p><a href=/contact>Contact</a></footer></body></html>"""


def kept(page):
    segments = segment(page)
    keep, probability, confidence = classify(segments)
    assert keep.dtype == bool
    assert len(keep) == len(probability) == len(segments.texts)
    assert 0 <= confidence <= 1
    return [text for text, kept in zip(segments.texts, keep, strict=True) if kept], confidence


@pytest.mark.parametrize("paragraphs", [ENGLISH, CHINESE, ARABIC], ids=["en", "zh", "ar"])
@pytest.mark.parametrize("tag", ["p", "div"])
def test_an_article_without_its_furniture(paragraphs, tag):
    body = "".join(f"<{tag}>{text}</{tag}>" for text in paragraphs)
    texts, confidence = kept(PAGE.format(title=paragraphs[0][:20], body=body))
    assert [text for text in texts if text in paragraphs] == paragraphs
    furniture = ("News", "Sport", "other story", "cookies", "Copyright", "Contact")
    assert not [text for text in texts if any(word in text for word in furniture)]
    assert confidence > 0.7


def test_code_lists_and_headings_inside_the_text_stay():
    body = (
        f"<p>{ENGLISH[0]}</p><h2>How to install it</h2><p>{ENGLISH[1]}</p>"
        "<pre><code>pip install bridge\nbridge --open</code></pre>"
        "<ul><li>It opens the bridge for ships at night.</li>"
        f"<li>It closes the bridge again in the morning.</li></ul><p>{ENGLISH[2]}</p>"
    )
    texts, _ = kept(PAGE.format(title="A bridge", body=body))
    assert "pip install bridge\nbridge --open" in texts
    assert "How to install it" in texts
    assert "It opens the bridge for ships at night." in texts


def test_text_for_browsers_without_scripts_is_not_kept():
    body = "".join(f"<p>{text}</p>" for text in ENGLISH[:2])
    page = PAGE.format(title="A bridge", body=f"{body}<noscript><p>{ENGLISH[2]}</p></noscript>")
    assert ENGLISH[2] not in kept(page)[0]


def test_a_page_that_is_all_for_browsers_without_scripts_is_kept():
    body = "".join(f"<div class=post><p>{text}</p></div>" for text in ENGLISH)
    page = f"<title>A bridge</title><body><noscript><h1>A bridge</h1>{body}</noscript>"
    assert [text for text in kept(page)[0] if text in ENGLISH] == ENGLISH


def test_the_main_text_ends_where_furniture_outweighs_what_follows():
    #         menu  text text  box  text  long furniture  teaser
    mass = np.array([400, 300, 300, 200, 300, 4000, 100.0])
    sure = np.array([0.02, 0.95, 0.9, 0.1, 0.9, 0.02, 0.8], np.float32)
    assert body(sure, mass, 0.5) == slice(1, 5)
    mass[5] = 400  # a box of links between two parts of the text
    assert body(sure, mass, 0.5) == slice(1, 7)
    assert not range(3)[body(np.full(3, 0.1, np.float32), np.ones(3), 0.5)]
    assert body(np.full(3, 0.9, np.float32), np.ones(3), 0.5) == slice(0, 3)


def test_the_headline_is_no_main_text_and_its_words_elsewhere_are():
    title = "The council closes the old bridge"
    body_ = f"<p>{ENGLISH[0]}</p><p>{title}</p><h2>Trade</h2><p>{ENGLISH[1]}</p><p>{ENGLISH[2]}</p>"
    for page in (
        PAGE.format(title=title, body=body_),
        PAGE.format(title=title, body=f"<h2>{title}</h2>{body_}"),
    ):
        texts, _ = kept(page)
        assert texts.count(title) <= 1
        assert [text for text in texts if text in ENGLISH] == ENGLISH
    segments = segment(PAGE.format(title=title, body=body_))
    probability = classify(segments)[1]
    rows = [row for row, text in enumerate(segments.texts) if text == title]
    assert probability[rows[0]] == 0 < probability[rows[1]]


@pytest.mark.parametrize("hidden", ["style='display:none'", "hidden", "style='visibility: hidden'"])
def test_a_hidden_line_goes_and_a_folded_panel_stays(hidden):
    """mozilla/readability#283 for the line; panels are shown when somebody asks."""
    body = "<p>{}</p>{}<p>{}</p>"
    line = f"<p {hidden}>{ENGLISH[1]}</p>"
    texts, _ = kept(PAGE.format(title="A bridge", body=body.format(ENGLISH[0], line, ENGLISH[2])))
    assert [text for text in texts if text in ENGLISH] == [ENGLISH[0], ENGLISH[2]]
    panel = f"<h3>What the shop owners say</h3><div {hidden}><p>{ENGLISH[1]}</p></div>"
    texts, _ = kept(PAGE.format(title="A bridge", body=body.format(ENGLISH[0], panel, ENGLISH[2])))
    assert [text for text in texts if text in ENGLISH] == ENGLISH
    panel = f"<h3>What the shop owners say</h3><div {hidden}>{ENGLISH[1]}</div>"
    texts, _ = kept(PAGE.format(title="A bridge", body=body.format(ENGLISH[0], panel, ENGLISH[2])))
    assert [text for text in texts if text in ENGLISH] == ENGLISH
    # what holds most of the page's text waits for a script
    texts, _ = kept(PAGE.format(title="A bridge", body=f"<p {hidden}>{' '.join(ENGLISH)}</p>"))
    assert texts == [" ".join(ENGLISH)]


def test_pages_without_blocks():
    keep, probability, confidence = classify(segment(""))
    assert len(keep) == len(probability) == 0
    assert confidence == 0


def test_twice_the_same():
    segments = segment(PAGE.format(title="A bridge", body=f"<p>{ENGLISH[0]}</p>"))
    one, two = classify(segments), classify(segments)
    assert np.array_equal(one[1], two[1])
    assert one[2] == two[2]


def test_the_committed_model_fits_the_code_around_it():
    """Hints and flags are columns by number: moving one in hints.py would garble the model."""
    forests, facts, lexicon = load(MODEL)
    hints = facts["hints"]
    assert isinstance(hints, list)
    assert hints[: len(PATTERNS)] == list(PATTERNS)  # the tokenizer's own are no columns
    assert facts["flags"] == list(FLAGS)
    assert len(lexicon) == features.LEXICON
    assert set(forests) == {"first", "second"}
    assert MODEL.stat().st_size < 1_500_000
    assert preload() is preload()
