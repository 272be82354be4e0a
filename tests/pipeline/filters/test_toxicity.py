"""Adult and abusive pages stand out; law, medicine, scripture and novels do not."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.filters import toxicity
from pipeline.filters.decide import Filter, decide
from pipeline.filters.toxicity import ToxicityConfig, signals
from pipeline.filters.toxicity_words import ADULT_ABROAD, ADULT_PHRASES, AMBIGUOUS, MILD, VULGAR
from pipeline.filters.words import split_words

BAD = {
    "tube": "Watch free porn videos on our tube. Amateur MILF blowjob compilation, creampie and"
    " gangbang clips. XXX hardcore, naked girls on webcam. Free HD porn every day.",
    "listing": "Escorts and camgirls near you. Femdom, BDSM, bukkake, deepthroat. Pornstar"
    " experience, no limits. Call today and ask for the price of an hour.",
    "vulgar story": "His cock was hard and her pussy was wet. She was horny, he was stroking and"
    " sucking, and then he came all over her ass while they were fucking on the sofa.",
    "rant": "You are a fucking idiot and a piece of shit. Shut the fuck up, asshole. Nobody asked"
    " you, motherfucker. Go back to your shitty forum, you retard, and fuck off.",
    "slurs": "All these niggers and kikes and faggots should leave. Wetbacks too, every wetback"
    " and towelhead. They are subhuman scum, said the pamphlet.",
    "de": "Kostenlose Pornos: geile Titten, Fotze und Muschi, sie will ficken und wird gefickt.",
    "ru": "Порно видео: сиськи, минет, анал, трахает в жопу, кончил, шлюха, порно каждый день.",
    "fr": "Porno gratuit : salope suceuse, baise, chattes et nichons, elle se fait enculer.",
    "ja": "無修正エロ動画が見放題。巨乳、フェラ、中出し、素人ナンパ、痴女のオナニー。",
    "zh": "国产自拍色情视频，无码成人电影，巨乳口交做爱，淫荡少妇自慰。",
}
GOOD = {
    "medicine": "The penis and the vagina are examined first. Semen is collected after ejaculation;"
    " sexual intercourse may carry infections to the anus or rectum, masturbation does not. The"
    " genitals should be washed, the nipples examined, and a victim of rape sent to a doctor.",
    "law": "Whoever engages in sexual intercourse by force commits rape. Incest, child pornography"
    " and indecent exposure while naked are offences. A rapist or pedophile is registered as a sex"
    " offender, and sexual conduct with an animal is sodomy under the section.",
    "scripture": "And he uncovered the nakedness of the whore, and the bastard shall not enter. The"
    " ass and the cock were in the yard; he that pisseth against the wall was in bondage.",
    "birds": "The blue tit and the great tit nest here. The cock crows, and the hen sits. A booby"
    " and a shag dive for fish, and the bushtit follows.",
    "people": "Dick Cheney met Philip Seymour Hoffman's agent and Mr. Hooker in Scunthorpe.",
    "cooking": "Stroke the breast of the chicken with butter, roast the butt, and suck the juice.",
    "code": 'Replace the string xxx with yours: key = "XXX-XXX"; ass and cum are not keywords.',
    "ordinary": "The harbour lies behind the old town, and the boats come home in the evening.",
}


def drops(text: str, language: str = "en") -> bool:
    measured = signals(split_words(text, language), text, language)
    columns = {name: np.array([float(value)]) for name, value in measured.items()}
    found = decide(columns, [Filter("toxicity", toxicity.RULES, ToxicityConfig())])
    return not found.kept[0]


@pytest.mark.parametrize("kind", BAD)
def test_bad_pages_are_dropped(kind):
    language = kind if len(kind) == 2 else "en"
    assert drops(BAD[kind], language)


@pytest.mark.parametrize("kind", GOOD)
def test_innocent_pages_are_kept(kind):
    assert not drops(GOOD[kind])


def test_signals():
    measured = signals(["porn"] * 4 + ["word"] * 196)
    assert measured == {
        "toxic_words": 0,
        "toxic_word_fraction": 0.0,
        "adult_words": 4,
        "adult_word_fraction": 0.02,
    }
    assert signals([])["adult_word_fraction"] == 0.0
    assert signals(["porn"])["adult_word_fraction"] == 1 / 200  # a short page is not condemned
    assert signals(["Porn", "PORN", "porn"])["adult_words"] == 3
    # "naked" counts only in bad company
    assert signals(["naked"])["adult_words"] == 0
    assert signals(["naked", "porn", "blowjob", "creampie"])["adult_words"] == 4
    # and so do mild insults
    assert signals(["whore"])["toxic_words"] == 0
    assert signals(["whore", "cunt", "shit", "asshole"])["toxic_words"] == 4


def test_a_word_abroad_counts_in_its_own_language_alone():
    assert signals(["Fotze"], language="de")["adult_words"] == 1
    assert signals(["Fotze"], language="en")["adult_words"] == 0
    assert signals(["porn"], language="zh")["adult_words"] == 1  # English ones everywhere
    assert signals([], "無修正と無修正", "ja")["adult_words"] == 4


def test_lists_are_what_they_say():
    assert VULGAR <= AMBIGUOUS
    assert not {word for words in ADULT_ABROAD.values() for word in words if word != word.lower()}
    assert all(len(phrase) > 1 for phrases in ADULT_PHRASES.values() for phrase in phrases)
    assert MILD


def test_no_page_of_the_embedded_world_is_toxic(tmp_path):
    from pipeline.sample_web.build import build
    from pipeline.sample_web.config import SampleWebConfig
    from pipeline.stage import SILENT

    build(tmp_path, {}, SampleWebConfig(pages=250, entities=40), SILENT, tmp_path)
    truth = pq.read_table(tmp_path / "truth.parquet", columns=["main_text"]).to_pylist()
    texts = [row["main_text"] for row in truth if row["main_text"]]
    assert len(texts) > 100
    assert not any(map(drops, texts))


def test_hardly_a_page_of_a_real_crawl_is_dropped(shared_dir):
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    dropped, pages = [], 0
    with (shared_dir / "crawl" / "GHP-MAIN-2024-22-20240518031000-00002.warc.gz").open(
        "rb"
    ) as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            text = extract_plain_text(record.reader.read().decode("utf-8", "replace"))
            pages += 1
            if drops(text):
                dropped.append((record.headers["WARC-Target-URI"], text[:80]))
            if pages == 800:
                break
    assert len(dropped) <= 1, dropped
