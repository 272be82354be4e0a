"""The whole story: from crawled pages to a chat model, measured after every stage of training."""

from prefect import flow

from flows import preference_sources, teacher
from flows.config import Settings, load
from flows.corpus import corpus
from flows.evaluate import evaluate
from flows.interrogate import interrogate
from flows.pretrain import pretrain
from flows.rl import rl
from flows.rlhf import rlhf
from flows.runner.flow_run import LAKE, Artifacts, run_name
from flows.search_index import search_index
from flows.sft import sft
from flows.tokenizer import tokenizer
from storage.errors import UserError


@flow(name="crawl-to-chat", flow_run_name=run_name)
def crawl_to_chat(config: Settings = load(), lake: str = LAKE) -> Artifacts:  # noqa: B008
    """Run every stage, one after another.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
    """
    if config.input.chat_model:
        raise UserError(
            "input.chat_model is for `run rl` and `run rlhf`: crawl-to-chat fine-tunes its own"
        )
    teacher.check(config)
    preference_sources.check(config)
    made = corpus(config, lake)
    made = search_index(config, lake, made)
    made = tokenizer(config, lake, made)
    made = pretrain(config, lake, made)
    made = evaluate(config, lake, made, models=("base",))
    made = sft(config, lake, made)
    made = evaluate(config, lake, made, models=("sft",))
    made = interrogate(config, lake, made)
    made = evaluate(config, lake, made, models=("interrogated",))
    made = rl(config, lake, made)
    made = evaluate(config, lake, made, models=("rl",))
    made = rlhf(config, lake, made)
    return evaluate(config, lake, made, models=("rlhf",))
