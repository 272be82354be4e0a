"""Does a reply have the form that was asked for? A small IFEval (arXiv 2311.07911).

In: the crawl's facts if it has some. A prompt is a question of the curriculum that no stage trains
(a held-out sum, word or entity) with one of eight instructions, or two that don't exclude each
other. Out: how many prompts have all their instructions followed and how many instructions are
followed, strictly and loosely (`curriculum.answer_forms`), and each kind by itself. A chat model's
reply must end by itself. `guessing` is the best one answer that ignores the prompt: three kinds are
followed by `"ok"`.
"""

import dataclasses
import itertools
import random
from collections.abc import Callable, Sequence

from pipeline.curriculum import answer_forms
from pipeline.curriculum.answer_forms import Instruction
from pipeline.curriculum.held_out import is_held_out
from pipeline.curriculum.spelled_words import words_of
from pipeline.curriculum.tasks import sum_task
from pipeline.evals import unseen
from pipeline.evals.asking import FactRow, Reply, Scores, Subject, ask_questions, fits, spread
from pipeline.evals.config import EvalsConfig
from pipeline.sft.facts import name_of

PAIRS_SHARE = 1 / 3  # of the prompts: those with two instructions
WORDS, TIMES, BULLETS = range(3, 9), range(2, 5), range(2, 5)  # that are asked for
EXCLUDE = (  # nothing, or hardly anything, follows both
    {"json_object", "quotation"},
    {"json_object", "end_phrase"},
    {"json_object", "bullet_count"},
    {"json_object", "word_count"},
    {"keyword_count", "word_count"},
    {"end_phrase", "word_count"},
    {"bullet_count", "word_count"},
)


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A question and the form its answer shall have."""

    text: str
    asked: tuple[Instruction, ...]


@dataclasses.dataclass(frozen=True)
class AskedForms:
    """The prompts that a model was given, and what it said."""

    prompts: list[Prompt]
    replies: list[Reply]
    strict: list[list[bool]]  # of each prompt's instructions
    loose: list[list[bool]]
    guessed: list[bool]  # whether the best constant answer follows all of a prompt's instructions


def draw(facts: Sequence[FactRow], count: int, fraction: float, seed: int) -> list[Prompt]:
    """Different prompts; every kind of instruction equally often among those with one.

    Args:
        facts: of the crawl; questions of held-out entities are taken.
        count: how many prompts.
        fraction: of entities that are held out.
        seed: of the draw.
    """
    rng = random.Random(f"{seed}:format")
    hidden = [f["question"] for f in facts if is_held_out(name_of(f["entity"]), fraction)]
    nouns = words_of("evaluation")
    found: dict[str, Prompt] = {}
    pairs = [
        pair for pair in itertools.combinations(answer_forms.KINDS, 2) if {*pair} not in EXCLUDE
    ]
    singles = count - round(PAIRS_SHARE * count)
    rng.shuffle(pairs)
    while len(found) < count:
        number = len(found)
        kinds = (
            (answer_forms.KINDS[number % len(answer_forms.KINDS)],)
            if number < singles
            else pairs[(number - singles) % len(pairs)]
        )
        asked = tuple(_instruction(kind, nouns, rng) for kind in kinds)
        question = (
            rng.choice(hidden)
            if hidden and number % 2
            else sum_task(1 + number % 3, "evaluation", rng).prompt
        )
        text = " ".join([question, *(_worded(instruction, rng) for instruction in asked)])
        found.setdefault(text, Prompt(text, asked))
    return list(found.values())


def ask(subject: Subject, facts: Sequence[FactRow]) -> AskedForms:
    """Give a model the prompts."""
    config = subject.config
    fraction = config.held_out_fraction
    prompts = draw(facts, config.format_prompts, fraction, config.seed)
    prompts = [prompt for prompt in prompts if fits(subject, prompt.text)]
    replies = ask_questions(subject, [p.text for p in prompts], config.max_new_tokens)
    ended = [reply.stopped or not subject.chats for reply in replies]

    def marks(check: Callable[[Instruction, str], bool]) -> list[list[bool]]:
        return [
            [ok and check(instruction, reply.text) for instruction in prompt.asked]
            for prompt, reply, ok in zip(prompts, replies, ended)
        ]

    return AskedForms(
        prompts, replies, marks(answer_forms.strict), marks(answer_forms.loose), guesses(prompts)
    )


def guesses(prompts: Sequence[Prompt]) -> list[bool]:
    """Which prompts' instructions are all followed by the best one answer to all of them."""
    best: list[bool] = []
    for answer in constants():
        marks = [all(answer_forms.strict(i, answer) for i in p.asked) for p in prompts]
        best = max(best, marks, key=sum) if best else marks
    return best


def constants() -> list[str]:
    """Answers that follow what can be followed without reading: quoted or JSON, of some length."""
    bodies = ["\n".join([" ".join(["ok"] * words)]) for words in WORDS]
    bodies += [
        "\n".join(["", *["- ok"] * (points - 1), " ".join(["- ok", *["ok"] * (words - points)])])
        for points in BULLETS
        for words in WORDS
        if words >= points
    ]
    return [*bodies, *(f'"{body}"' for body in bodies), '{"ok": 1}']


def report(found: AskedForms, config: EvalsConfig, scores: Scores) -> None:
    """Add shares of prompts and of instructions, and of each kind where it is the only one."""
    for name, marks in (("strict", found.strict), ("loose", found.loose)):
        scores.share("format", "prompts", name, [all(of) for of in marks])
        scores.share("format", "instructions", name, [ok for of in marks for ok in of])
    scores.share("format", "guessing", "strict", found.guessed)
    for kind in answer_forms.KINDS:
        of = [i for i, p in enumerate(found.prompts) if [a.kind for a in p.asked] == [kind]]
        scores.share("format", kind, "strict", [found.strict[i][0] for i in of])
    for i in spread(range(len(found.prompts)), config.samples_per_suite):
        prompt = found.prompts[i]
        form = " and ".join(" ".join(_shown(instruction)) for instruction in prompt.asked)
        reply = found.replies[i].text
        scores.sample("format", prompt.text, reply, form, all(found.strict[i]))


def _instruction(kind: str, nouns: Sequence[str], rng: random.Random) -> Instruction:
    if kind == "end_phrase":
        return Instruction(kind, text=rng.choice(unseen.END_PHRASES))
    if kind == "keyword_count":
        return Instruction(kind, text=rng.choice(nouns), count=rng.choice(TIMES))
    if kind in ("word_count", "bullet_count"):
        return Instruction(kind, count=rng.choice(WORDS if kind == "word_count" else BULLETS))
    return Instruction(kind)


def _worded(instruction: Instruction, rng: random.Random) -> str:
    wording = rng.choice(unseen.INSTRUCTIONS[instruction.kind])
    return wording.format(text=instruction.text, count=instruction.count)


def _shown(instruction: Instruction) -> list[str]:
    count = str(instruction.count) if instruction.count else ""
    return [part for part in (instruction.kind, count, instruction.text) if part]
