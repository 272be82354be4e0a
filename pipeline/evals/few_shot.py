"""Few-shot tasks: what a base model does when a page shows it examples of the pattern.

In: word pairs of this module, and the crawl's facts if it has some. Each task is asked without
examples and with `few_shots` of them, always the same ones, so that their tokens are read once. A
reply is right if its line begins with the answer as whole words. `copy` tests the pattern alone:
made-up words are to be repeated.
"""

import random
from collections.abc import Sequence

from pipeline.evals.asking import FactRow, Scores, Subject, complete, spread
from pipeline.evals.facts_suite import starts_with

Pair = tuple[str, str]

TO_FRENCH = (
    "water=eau house=maison dog=chien cat=chat book=livre bread=pain milk=lait friend=ami"
    " tree=arbre sun=soleil moon=lune night=nuit day=jour man=homme woman=femme child=enfant"
    " street=rue school=école king=roi queen=reine fish=poisson bird=oiseau horse=cheval"
    " apple=pomme cheese=fromage wine=vin head=tête hand=main eye=œil heart=cœur red=rouge"
    " green=vert black=noir white=blanc one=un two=deux three=trois big=grand small=petit"
    " city=ville sea=mer fire=feu door=porte window=fenêtre"
)
TO_GERMAN = (
    "water=Wasser house=Haus dog=Hund cat=Katze book=Buch bread=Brot milk=Milch friend=Freund"
    " tree=Baum sun=Sonne moon=Mond night=Nacht day=Tag man=Mann woman=Frau child=Kind"
    " street=Straße school=Schule king=König queen=Königin fish=Fisch bird=Vogel horse=Pferd"
    " apple=Apfel cheese=Käse wine=Wein head=Kopf hand=Hand eye=Auge heart=Herz red=rot"
    " green=grün black=schwarz white=weiß one=eins two=zwei three=drei big=groß small=klein"
    " city=Stadt sea=Meer fire=Feuer door=Tür window=Fenster"
)
OPPOSITES = (
    "hot=cold big=small old=new high=low long=short fast=slow up=down left=right day=night"
    " open=closed rich=poor full=empty hard=soft wet=dry early=late good=bad true=false strong=weak"
    " black=white near=far happy=sad first=last in=out above=below buy=sell love=hate war=peace"
    " clean=dirty light=dark win=lose"
)
CAPITALS = (
    "France=Paris Germany=Berlin Italy=Rome Spain=Madrid Portugal=Lisbon Austria=Vienna"
    " Poland=Warsaw Greece=Athens Norway=Oslo Sweden=Stockholm Finland=Helsinki Denmark=Copenhagen"
    " Ireland=Dublin Hungary=Budapest Russia=Moscow Japan=Tokyo China=Beijing Egypt=Cairo"
    " Canada=Ottawa Cuba=Havana Peru=Lima Kenya=Nairobi Iraq=Baghdad Iran=Tehran Turkey=Ankara"
    " Thailand=Bangkok Vietnam=Hanoi Belgium=Brussels Chile=Santiago England=London"
)
COPIED_WORDS = 32
SYLLABLES = ("ba", "do", "fi", "ku", "le", "mo", "na", "pi", "ra", "so", "ti", "vu", "we", "zo")


def pairs_of(table: str) -> list[Pair]:
    """A table such as `water=eau house=maison` as pairs."""
    return [(left, right) for left, _, right in (item.partition("=") for item in table.split())]


def made_up_words(count: int, seed: int) -> list[Pair]:
    """Made-up words, each of which is its own answer."""
    rng = random.Random(f"{seed}:copy")
    words = dict.fromkeys("".join(rng.choices(SYLLABLES, k=3)) for _ in range(2 * count))
    return [(word, word) for word in list(words)[:count]]


def tasks(facts: Sequence[FactRow], per_task: int, seed: int) -> dict[str, list[Pair]]:
    """Prompts (all but the answer) and answers, by task, in random order."""
    made = {
        "to_french": [(f"English: {a}\nFrench:", b) for a, b in pairs_of(TO_FRENCH)],
        "to_german": [(f"English: {a}\nGerman:", b) for a, b in pairs_of(TO_GERMAN)],
        "opposites": [(f"The opposite of {a} is", b) for a, b in pairs_of(OPPOSITES)],
        "capitals": [(f"The capital of {a} is", b) for a, b in pairs_of(CAPITALS)],
        "copy": [(f"{a} ->", b) for a, b in made_up_words(COPIED_WORDS, seed)],
    }
    known = [fact for fact in facts if fact["frequency"] == "often"]
    if known:
        made["facts_stated_often"] = [
            (f"Question: {fact['question']}\nAnswer:", fact["value"]) for fact in known
        ]
    for name, items in made.items():
        random.Random(f"{seed}:few-shot:{name}").shuffle(items)
        made[name] = items[:per_task]
    return made


def measure(subject: Subject, facts: Sequence[FactRow], scores: Scores) -> None:
    """Add accuracy by task, without examples and with as many of `few_shots` as fit."""
    config = subject.config
    asked: list[tuple[str, str, str]] = []  # task of the row, prompt, answer
    per_task = config.few_shots + config.few_shot_questions
    for name, items in tasks(facts, per_task, config.seed).items():
        questions = items[config.few_shots :]
        shots = config.few_shots
        while questions and shots and not _fits(subject, items[:shots], questions):
            shots -= 1
        for shown in dict.fromkeys((0, shots)):
            before = lines(items[:shown])
            asked += [(f"{name}/{shown}_shots", before + q, answer) for q, answer in questions]
    replies = complete(
        subject, [text for _, text, _ in asked], config.max_completion_tokens, one_line=True
    )
    right = [starts_with(reply.text, answer) for reply, (_, _, answer) in zip(replies, asked)]
    for name in dict.fromkeys(name for name, _, _ in asked):
        marks = [ok for ok, (of, _, _) in zip(right, asked) if of == name]
        scores.share("few_shot", name, "accuracy", marks)
    with_examples = [i for i, (name, _, _) in enumerate(asked) if not name.endswith("/0_shots")]
    for i in spread(with_examples, config.samples_per_suite):
        scores.sample("few_shot", asked[i][1], replies[i].text, asked[i][2], right[i])


def lines(examples: Sequence[Pair]) -> str:
    """Examples with their answers, a line each, as the prompt before a question."""
    return "".join(f"{prompt} {answer}\n" for prompt, answer in examples)


def _fits(subject: Subject, examples: Sequence[Pair], questions: Sequence[Pair]) -> bool:
    """Whether every prompt, with the document token and an answer, fits the model's context."""
    encoded = subject.tokenizer.encode_batch([lines(examples) + q for q, _ in questions])
    longest = 1 + max(len(ids) for ids in encoded) + subject.config.max_completion_tokens
    return longest <= subject.model.config.max_context
