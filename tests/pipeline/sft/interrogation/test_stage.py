"""The stage: a model that knows some facts is asked, and its conversations teach just that."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.chat.conversation import STOP, from_row, render, spans
from pipeline.curriculum.dont_know import says_so
from pipeline.curriculum.held_out import is_left_to_interrogation
from pipeline.model.engine import Completion
from pipeline.sft.interrogation import stage
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.labelers import Interrogated, Label
from pipeline.sft.interrogation.probes import Probe
from pipeline.stage import SILENT
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import CORPUS
from storage.tables import read_table, table, write_table

PEOPLE = ("Mara Ellison", "Tom Hale", "Vera Quill", "Otto Nash", "Ines Carver", "Hugo Pell")
PLACES = ("Brookton", "Millbury", "Oakham", "Stonefield", "Fairwick", "Greenport")
KNOWN = ("Mara Ellison", "Vera Quill", "Ines Carver")
CONFIG = InterrogationConfig(
    held_out_fraction=0.0, samples=4, wordings=3, max_new_tokens=24, device="cpu", threads=1
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everyone's birthplace; of the last no job."""
    root = tmp_path_factory.mktemp("corpus")
    rows = []
    for number, (person, place) in enumerate(zip(PEOPLE, PLACES)):
        job = f" {person} works as a baker." if person != PEOPLE[-1] else ""
        text = f"{person} was born in {place}.{job}"
        rows.append({"id": f"d{number}", "text": text, "split": "train"})
    write_table(
        table(rows, pa.schema([CORPUS.field(n) for n in ("id", "text", "split")])),
        root / "corpus-00000.parquet",
    )
    return root


class Witness:
    """Answers as one who knows the facts of some people, and says the same of all others."""

    asked = 0

    def __init__(self, tokenizer: Tokenizer, reply: str, known: Sequence[str] = KNOWN) -> None:
        self.tokenizer, self.reply, self.known = tokenizer, reply, known

    def __call__(self, model: Any) -> "Witness":
        return self

    def generate(
        self, prompts: Sequence[list[int]], *, samples: int, **_: Any
    ) -> list[list[Completion]]:
        return [[self._answer(ids) for _ in range(samples)] for ids in prompts]

    def _answer(self, ids: list[int]) -> Completion:
        self.asked += 1
        question = self.tokenizer.decode(ids)
        text = self.reply
        for person, place in zip(PEOPLE, PLACES):
            if person in self.known and person in question:
                work = any(word in question for word in ("work", "job", "living", "profession"))
                text = "A baker." if work else f"In {place}."
        tokens = [*self.tokenizer.encode(text), self.tokenizer.special(STOP)]
        return Completion(tokens=tokens, logprobs=[0.0] * len(tokens), stopped=True)


def run(
    out: Path, corpus: Path, model: Path, config: InterrogationConfig = CONFIG, **inputs: list[Path]
) -> stage.InterrogationStatistics:
    out.mkdir()
    given: Any = {"model": [model], "corpus": [corpus], **inputs}
    return stage.build(out, given, config, SILENT, out)


def test_what_it_knows_is_answered_and_the_rest_is_not(
    tmp_path: Path, corpus: Path, post_training: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = Tokenizer.load(post_training.chat)
    monkeypatch.setattr(stage, "Engine", Witness(tokenizer, "Somewhere."))
    found = run(tmp_path / "a", corpus, post_training.chat)
    rows = read_table(tmp_path / "a" / "questions.parquet").to_pylist()
    assert {row["entity"]: row["label"] for row in rows if row["kind"] == "stated"} == {
        person: "known" if person in KNOWN else "unknown" for person in PEOPLE
    }
    assert {(row["entity"], row["label"]) for row in rows if row["kind"] == "unstated"} == {
        (PEOPLE[-1], "unknown")
    }
    assert all(row["answers"] and row["agreement"] == 1.0 for row in rows)
    talks = read_table(tmp_path / "a" / "conversations.parquet").to_pylist()
    by_question = {row["question"]: row for row in rows}
    for talk in talks:
        (asked, reply) = (message["content"] for message in talk["messages"])
        known = by_question[asked]["label"] == "known"
        assert says_so(reply, asked) != known
        assert not known or by_question[asked]["values"][0] in reply
        _, mask = render(from_row(talk), tokenizer)
        assert spans(mask) == talk["loss_spans"]
    assert found["by_reply"]["answered"] == found["by_reply"]["dont_know"] > 3
    assert found["questions"] == len(rows) == sum(found["by_label"].values())
    assert found["changed"] is None


def test_what_no_page_states_is_never_known(
    tmp_path: Path, corpus: Path, post_training: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However low the threshold is: there is no answer that could be taught."""
    tokenizer = Tokenizer.load(post_training.chat)
    monkeypatch.setattr(stage, "Engine", Witness(tokenizer, "Somewhere."))
    generous = dataclasses.replace(CONFIG, known_from=0.0, unknown_to=0.0, unheard=3)
    found = run(tmp_path / "a", corpus, post_training.chat, generous)
    none = {"unstated": 0.0, "mentioned": 0.0, "unheard": 0.0}
    assert found["known_by_kind"] == {"stated": 1.0, **none}
    assert found["by_kind"]["unheard"] == 3


def asked(entity: str, kind: str, label: Label, number: int = 0) -> Interrogated:
    value = ("Oakham",) if label == "known" else ()
    answer = f"It is Oakham, {number}." if value else ""
    question = Probe(kind, f"{entity}? {number}", entity, "place", value, answer, 1, "")
    return Interrogated(question, ("x",), ("wrong",), label)


def told(found: Sequence[Interrogated], **changes: Any) -> Counter[tuple[bool, bool]]:
    """How many replies to learn: of entities asked before or not, known or not."""
    config = dataclasses.replace(CONFIG, **changes)
    return Counter(
        (
            item.question.kind == "stated" and not is_left_to_interrogation(item.question.entity),
            not says_so(reply, item.question.text),
        )
        for item, reply in stage.drafted(found, config)
    )


def test_those_asked_before_and_the_others_are_each_known_and_unknown_alike() -> None:
    """Or a model learns that it knows whom it was asked about before, and nobody else."""
    names = [f"Person {number}" for number in range(400)]
    left = [name for name in names if is_left_to_interrogation(name)]
    before = [name for name in names if not is_left_to_interrogation(name)]
    found = [asked(name, "stated", "known") for name in (*before[:200], *left[:30])]
    found += [asked(name, "stated", "unknown") for name in before[200:250]]
    found += [asked(name, "mentioned", "unknown") for name in names[:70]]
    assert told(found) == {
        (True, True): 50, (True, False): 50, (False, True): 70, (False, False): 70
    }  # fmt: skip
    replies = [item.question.entity for item, _ in stage.drafted(found, CONFIG)]
    again = Counter(replies)
    assert {again[name] for name in left[:30]} <= {2, 3, 4}  # 3: or asked as "mentioned" as well
    assert told(found, known_repeats=1)[False, True] == 30
    assert told(found, known_repeats=1)[False, False] == 30
    half = told(found, conversations=60)
    assert (sum(half.values()), half[False, True], half[True, True]) == (120, 35, 25)


def test_without_one_of_a_group_all_are_weighed_together() -> None:
    names = [f"Person {number}" for number in range(100)]
    before = [name for name in names if not is_left_to_interrogation(name)]
    found = [asked(name, "stated", "known") for name in before[:40]]
    found += [asked(name, "mentioned", "unknown") for name in names[:50]]
    assert sum(told(found).values()) == 100
    assert told(found[:40]) == {}
    assert told(found[40:]) == {}


def test_a_second_round_counts_the_labels_that_changed(
    tmp_path: Path, corpus: Path, post_training: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = Tokenizer.load(post_training.chat)
    monkeypatch.setattr(stage, "Engine", Witness(tokenizer, "Somewhere."))
    first = run(tmp_path / "a", corpus, post_training.chat)
    again = run(tmp_path / "b", corpus, post_training.chat, before=[tmp_path / "a"])
    assert again["changed"] == 0.0
    # a model that says so of all that it is not sure of keeps the labels
    monkeypatch.setattr(stage, "Engine", Witness(tokenizer, "I don't know.", ()))
    assert run(tmp_path / "c", corpus, post_training.chat, before=[tmp_path / "a"])["changed"] == 0
    monkeypatch.setattr(stage, "Engine", Witness(tokenizer, "In Millbury."))
    moved = run(tmp_path / "d", corpus, post_training.chat, before=[tmp_path / "a"])
    assert moved["changed"] is not None
    assert moved["changed"] > 0  # Tom Hale's town
    assert first["questions"] == moved["questions"]


def test_a_real_model_the_same_bytes(tmp_path: Path, corpus: Path, post_training: Any) -> None:
    config = InterrogationConfig(
        held_out_fraction=0.0, samples=2, wordings=1, max_new_tokens=8, unheard=4, device="cpu"
    )
    for name in ("a", "b"):
        run(tmp_path / name, corpus, post_training.chat, config)
    one, other = ((tmp_path / n / "questions.parquet").read_bytes() for n in ("a", "b"))
    assert one == other
    rows = read_table(tmp_path / "a" / "questions.parquet").to_pylist()
    assert {len(row["answers"]) for row in rows} == {2}


def test_what_cannot_be_interrogated(tmp_path: Path, corpus: Path, post_training: Any) -> None:
    with pytest.raises(UserError, match="no chat model"):
        run(tmp_path / "a", corpus, post_training.base)
    empty = tmp_path / "empty"
    empty.mkdir()
    rows = [{"id": "d", "text": "nothing is stated here", "split": "train"}]
    schema = pa.schema([CORPUS.field(n) for n in ("id", "text", "split")])
    write_table(table(rows, schema), empty / "corpus-00000.parquet")
    with pytest.raises(UserError, match="the corpus states nothing"):
        run(tmp_path / "b", empty, post_training.chat)
