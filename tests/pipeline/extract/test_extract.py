"""Main text: furniture goes, what matters stays, the same whatever came before."""

import numpy as np
import pytest

import pipeline.extract.extract as extraction
from pipeline.extract import extract_text
from pipeline.extract.config import ExtractConfig
from pipeline.extract.decode import decode
from pipeline.extract.extract import Extraction, _titled, extract, plain_text
from pipeline.extract.segment import segment
from storage.errors import UserError

PARAGRAPHS = [
    f"Paragraph number {number} tells at some length of the harbour, its {number} boats and the "
    "weather on the day on which they came home from the sea."
    for number in range(8)
]
TRAFILATURA = ExtractConfig(engine="trafilatura")
CHINESE = (
    "山田先生在北京大学学习中文，他每天早上都去图书馆看书。今天天气很好，我们一起去公园散步，"
    "看到了很多花和树，还有许多孩子在湖边玩耍。"
)
ARABIC = (
    "يعود الصيادون إلى الميناء في المساء بعد يوم طويل في البحر، ويبيعون ما اصطادوه من الأسماك في "
    "السوق القريب من البيوت القديمة، ثم يجلسون معا ويتحدثون عن الرياح والأمواج."
)
FURNITURE = (
    "<header><nav><ul><li><a href=/>Home</a><li><a href=/news>News</a><li><a href=/about>About us"
    "</a></ul></nav></header>",
    "<div class=cookie-banner>We use cookies to improve your experience. <button>Accept</button>"
    "</div><div class=related><h3>Related</h3><a href=/1>Another story about something else</a>"
    "</div><footer><p>Copyright 2024 Harbour Times. <a href=/privacy>Privacy policy</a></footer>",
)


def page(main: str) -> str:
    head, foot = FURNITURE
    return f"<html><head><title>Harbour</title></head><body>{head}<article>{main}</article>{foot}"


@pytest.mark.parametrize("config", [ExtractConfig(), TRAFILATURA], ids=["blocks", "trafilatura"])
def test_furniture_goes_and_main_text_stays(config, make_page):
    html = make_page("\n".join(PARAGRAPHS)).decode()
    found = extract(html, "http://harbour.example/", config)
    assert found.engine == config.engine
    assert all(paragraph in found.text for paragraph in PARAGRAPHS)
    assert "Privacy" not in found.text
    lines = found.text.split("\n")
    assert [line for line in lines if line in PARAGRAPHS] == PARAGRAPHS  # a paragraph, a line


@pytest.mark.parametrize("config", [ExtractConfig(), TRAFILATURA], ids=["blocks", "trafilatura"])
def test_text_depends_on_the_page_alone(config, make_page):
    html = make_page("\n".join(PARAGRAPHS)).decode()
    first = extract(html, None, config)
    assert first.text
    # trafilatura's own memory drops a segment the third or fourth time it is seen in a process
    assert [extract(html, None, config) for _ in range(6)] == [first] * 6
    declared = f'<?xml version="1.0" encoding="iso-8859-1"?>\n{html}'
    assert extract(declared, None, config).text == first.text


def test_nothing_gives_nothing():
    for html in (b"", b"\0\0", b"<html><body></body></html>", b"<script>x</script>"):
        assert extract_text(html) == ""


@pytest.mark.parametrize("sentence", [CHINESE, ARABIC], ids=["Chinese", "Arabic"])
def test_other_scripts(sentence):
    paragraphs = [f"{sentence} {number}" for number in range(6)]
    main = "<h1>標題</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    text = extract(page(main)).text
    assert all(paragraph in text for paragraph in paragraphs)
    assert "Privacy" not in text


def test_lists_code_and_tables_stay():
    prose = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    code = "def sail(boat):\n    for wind in boat.winds:\n        yield wind\n"
    text = extract(
        page(
            f"<h1>How the boats came home</h1>{prose}<h2>What they brought</h2><ul><li>Herring, "
            "caught far out near the northern banks.<li>Cod, which the market buys at a good "
            f"price.</ul><p>The program that counts them:</p><pre><code>{code}</code></pre>{prose}"
        )
    ).text
    assert "- Herring, caught far out near the northern banks.\n- Cod, which" in text
    assert code.strip() in text
    assert "What they brought" in text
    assert text.count(PARAGRAPHS[0]) == 1


def unsure(confidence):
    def classify(segments):
        count = len(segments.texts)
        return np.ones(count, bool), np.full(count, 0.5, np.float32), confidence

    return classify


def test_unsure_pages_are_trafilaturas(monkeypatch, make_page):
    html = make_page("\n".join(PARAGRAPHS)).decode()
    expected = extract(html, None, TRAFILATURA).text
    monkeypatch.setattr(extraction, "classify", unsure(0.3))
    assert extract(html, None, ExtractConfig(fallback_confidence=0.2)).engine == "blocks"
    found = extract(html, None, ExtractConfig(fallback_confidence=0.4))
    assert (found.text, found.engine, found.confidence) == (expected, "trafilatura", 0.3)
    # never where it may take minutes, nor where there is nothing to gain
    assert extract(html, None, ExtractConfig(fallback_max_html_bytes=1000)).engine == "blocks"
    assert extract("<p>x" * 100_000).engine == "blocks"
    assert extract("<div>" * 300 + html).engine == "blocks"
    assert extract("<p>little").engine == "blocks"


def test_comments_only_when_asked():
    comment = "I was there too, and the weather was worse than you say. What a night it was!"
    html = page(
        "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
        + "</article><div id=comments class=comments-area><h3>2 comments</h3>"
        "<ol class=commentlist><li class=comment><div class=comment-body>"
        f"<p>{comment}</p><a href=#>Reply</a></div></ol>"
        "<form class=comment-form>Leave a reply. <textarea></textarea></form></div>"
    )
    assert comment not in extract(html).text
    asked = extract(html, None, ExtractConfig(comments=True)).text
    assert comment in asked
    assert "Leave a reply" not in asked


def test_the_headline_only_when_asked():
    html = page("<h1>The winter storm</h1>" + "".join(f"<p>{text}</p>" for text in PARAGRAPHS))
    html = html.replace("<title>Harbour<", "<title>The winter storm | Paper<")
    plain, titled = extract(html), extract(html, None, ExtractConfig(title=True))
    assert "The winter storm" not in plain.text
    assert titled.text == "The winter storm\n" + plain.text
    assert extract_text(html.encode(), title=True) == titled.text
    assert extract_text(html.encode()) == plain.text
    by_trafilatura = ExtractConfig(engine="trafilatura", title=True)
    assert extract(html, None, by_trafilatura).text.count("The winter storm") == 1
    assert extract_text(b"<title>Empty</title>", title=True) == ""


def test_spans_move_with_the_headline():
    found = Extraction("Snow fell.\nx = 1", 1.0, "blocks", code=((11, 16),), formulas=((0, 4),))
    titled = _titled(found, segment("<title>The winter storm</title>"))
    assert [titled.text[slice(*span)] for span in titled.code] == ["x = 1"]
    assert [titled.text[slice(*span)] for span in titled.formulas] == ["Snow"]


def test_plain_text_leaves_out_what_names_no_language():
    prose = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    plain = plain_text(segment(page(prose + "<pre>int main(void)</pre>")))
    assert plain.startswith(PARAGRAPHS[0])
    assert not any(word in plain for word in ("Privacy", "About us", "int main", "Another story"))
    # of a page with little else, all that is seen
    assert "About us" in plain_text(segment(page("<p>Short.<p hidden>Unseen.")))
    assert "Unseen" not in plain_text(segment(page("<p>Short.<p hidden>Unseen.")))


NOTICE = "<noscript>You need to enable JavaScript to run this app.</noscript>"


def test_a_notice_to_the_browser_is_no_text():
    assert extract(f"<title>App</title><div id=root></div>{NOTICE}").text == ""
    shown = extract(f"<noscript>{''.join(f'<p>{part}</p>' for part in PARAGRAPHS)}</noscript>").text
    assert shown.count("Paragraph number") == 8  # a page for browsers without scripts


def test_an_article_in_json_ld_alone():
    article = "\\n\\n".join(PARAGRAPHS)
    data = f'{{"@graph": [{{"articleBody": "{article}"}}]}}'
    head = f"<title>App</title><script type='application/ld+json'>{data}</script>"
    found = extract(f"{head}<div id=root></div>{NOTICE}")
    assert (found.text, found.engine) == ("\n".join(PARAGRAPHS), "json-ld")
    page = segment(f"{head}<div id=root></div>{NOTICE}")
    assert plain_text(page) == found.text  # else no page of this kind would come past the gate
    # not of a page that has text of its own
    page_text = "".join(f"<p>{part}</p>" for part in reversed(PARAGRAPHS))
    assert extract(f"{head}<article>{page_text}</article>").engine == "blocks"


def test_code_and_formulas_are_found_again():
    prose = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    found = extract(
        page(
            f"{prose}<p>So <math alttext='a_1'></math> it is, as we have seen before."
            f"</p><pre>if a:\n    b</pre>{prose}"
        )
    )
    assert [found.text[first:end] for first, end in found.code] == ["if a:\n    b"]
    assert [found.text[first:end] for first, end in found.formulas] == ["$a_1$"]


def test_a_wrong_config_names_the_field():
    with pytest.raises(UserError, match=r"engine: unknown 'lynx': one of blocks, trafilatura"):
        ExtractConfig(engine="lynx")
    with pytest.raises(UserError, match="max_depth"):
        ExtractConfig(max_depth=0)


def test_traps_of_the_shared_crawl(shared_dir):
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    file = sorted((shared_dir / "crawl").glob("GHP-*-00000.warc.gz"))[0]
    hidden_pages = code_pages = 0
    for record in read_records(file, LimitsConfig()):
        if record.record_type != "response":
            continue
        html, _ = decode(record.content.partition(b"\r\n\r\n")[2])
        if "williamsampaio" in record.url and len(html) > 8_000 and hidden_pages < 10:
            hidden_pages += 1  # all of it has style="display: none" until a script runs
            assert len(extract(html).text) > 500, record.url
        elif "learnxinyminutes" in record.url and html.count("\n    ") > 100 and code_pages < 10:
            code_pages += 1  # tutorials that are one long piece of commented code
            assert len(extract(html).text) > 1_000, record.url
    assert hidden_pages == 10
    assert code_pages >= 5
