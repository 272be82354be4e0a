"""Who compares a chat model's answers: simulated raters, people, files of pairs, a judge.

Simulated raters know what is true by the interrogation alone; a judge is asked at an address, with
a key, as the teacher is (flows.teacher). Without anybody there are no preferences, which is said.
"""

import dataclasses

from flows import brought_files, labels
from flows.config import RunConfig, settle
from flows.interrogate import SOURCES
from flows.runner import terminal
from flows.runner.flow_run import Artifacts, Run
from flows.runner.references import InputFile, Reference
from flows.runner.teacher_key import key_of, teacher_key
from pipeline.preferences import gathered_comparisons
from pipeline.preferences.gathered_comparisons import JUDGE, SIMULATED
from pipeline.sft.teacher.chat_endpoint import url_of
from storage.file_hashes import hash_now


def check(config: RunConfig) -> None:
    """Whether there is a judge to ask, before hours are spent on what comes first."""
    if JUDGE in config.preferences.compared_by:
        endpoint = config.preferences.endpoint
        url_of(endpoint)
        if endpoint.key_block:
            key_of(endpoint.key_block)


def compared(run: Run, made: Artifacts, model: Reference) -> Artifacts:
    """Preferences for answers of a model, and the labels among them; empty if nobody compares.

    Args:
        run: of the flow.
        made: so far.
        model: that chats.
    """
    settings = run.config.preferences
    if not simulated(run.config, made):
        others = tuple(name for name in settings.compared_by if name != SIMULATED)
        settings = dataclasses.replace(settings, compared_by=others)
    people = labelled(run, made, model)
    files = brought_files.find(run.config.input.preferences, "input.preferences")
    if not (settings.compared_by or people or files):
        terminal.say(
            "  rlhf: nobody compares answers (no interrogation to know the truth by, no labels,"
            " files or judge): left out"
        )
        return {}
    told = [made[name] for name in SOURCES if name in made]
    with teacher_key(settings.endpoint.key_block if JUDGE in settings.compared_by else ""):
        found = run.make(
            gathered_comparisons.STAGE,
            settle(settings),
            "who prefers which answer",
            model=[model],
            **({"interrogation": [made["interrogation"]]} if "interrogation" in made else {}),
            **({"conversations": told} if told else {}),
            **({"labels": list(people.values())} if people else {}),
            **({"files": [InputFile(file, *hash_now(file)) for file in files]} if files else {}),
        )
    return {**people, "preferences": found}


def simulated(config: RunConfig, made: Artifacts) -> bool:
    """Whether raters are simulated, so that the true reward of every answer is known."""
    return SIMULATED in config.preferences.compared_by and "interrogation" in made


def labelled(run: Run, made: Artifacts, model: Reference) -> Artifacts:
    """What raters have compared, where their store is named."""
    if "labels" in made or not run.config.input.labels:
        return {"labels": made["labels"]} if "labels" in made else {}
    return {"labels": labels.finished(run, made.get("tokenizer", model))}
