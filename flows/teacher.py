"""Conversations that another model makes from passages of the corpus; off without teacher.requests.

The teacher is asked at an address of the environment or the settings, with a key of the environment
or of a secret block of Prefect.
"""

from flows.config import RunConfig
from flows.corpus import benchmarks
from flows.runner.flow_run import Artifacts, Run
from flows.runner.teacher_key import key_of, teacher_key
from pipeline.sft.teacher import stage
from pipeline.sft.teacher.chat_endpoint import url_of
from storage.errors import UserError


def check(config: RunConfig) -> None:
    """Whether there is a teacher to ask, before hours are spent on what comes first."""
    if config.teacher.requests:
        url_of(config.teacher.endpoint)
        if block := config.teacher.endpoint.key_block:
            key_of(block)


def conversations(run: Run, made: Artifacts) -> Artifacts:
    """Conversations that a teacher makes of the corpus' passages, if there is a teacher."""
    settings = run.config.teacher
    if not settings.requests:
        return {}
    if "corpus" not in made:
        raise UserError("teacher.requests: there is no corpus whose passages it could be shown")
    with teacher_key(settings.endpoint.key_block):
        found = run.make(
            stage.STAGE,
            settings,
            f"{settings.requests:,} conversations from {settings.model}",
            corpus=[made["corpus"]],
            tokenizer=[made["tokenizer"]],
            **benchmarks(run),
        )
    return {"teacher": found}
