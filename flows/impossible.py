"""Settings that each fit by themselves and together can't be meant: one line for each, at once.

What a config can tell by itself, it refuses itself (`pipeline.ranges`).
"""

from flows.config_tables import Tables
from pipeline.training.config import LoopConfig

MIN_CONTEXT = 32  # tokens: less holds no conversation


def impossible(config: Tables) -> list[str]:
    """Combinations that would only fail, or mislead, hours later: one line each."""
    shape, prompts = config.pretrain.shape, config.rl.prompts_per_step
    processes = config.input.processes * config.input.nodes
    gate, wanted = config.scan.gate.languages, config.select.language.languages
    own_shape = not config.input.base  # else the context is another model's
    checks = [
        (
            bool(gate) and not set(wanted or ("all",)) <= set(gate),
            f"select.language.languages asks for {', '.join(wanted) or 'all'}, but the pass lets"
            f" {', '.join(gate)} through: set scan.gate.languages as well",
        ),
        (
            shape.context < MIN_CONTEXT,
            f"pretrain.shape.context: at least {MIN_CONTEXT} tokens",
        ),
        (
            own_shape and config.conversations.max_tokens > shape.context,
            f"conversations.max_tokens ({config.conversations.max_tokens}) exceeds"
            f" pretrain.shape.context ({shape.context})",
        ),
        (
            own_shape and config.teacher.requests > 0 and config.teacher.max_tokens > shape.context,
            f"teacher.max_tokens ({config.teacher.max_tokens}) exceeds pretrain.shape.context"
            f" ({shape.context})",
        ),
        (
            own_shape and config.interrogation.max_tokens > shape.context,
            f"interrogation.max_tokens ({config.interrogation.max_tokens}) exceeds"
            f" pretrain.shape.context ({shape.context})",
        ),
        (
            own_shape and config.interrogation.max_new_tokens >= shape.context,
            f"interrogation.max_new_tokens ({config.interrogation.max_new_tokens}) leaves no room"
            f" for a prompt in pretrain.shape.context ({shape.context})",
        ),
        (
            own_shape and config.rl.max_new_tokens >= shape.context,
            f"rl.max_new_tokens ({config.rl.max_new_tokens}) leaves no room for a prompt in"
            f" pretrain.shape.context ({shape.context})",
        ),
        *(
            (
                own_shape and getattr(config, table).max_new_tokens >= shape.context,
                f"{table}.max_new_tokens ({getattr(config, table).max_new_tokens}) leaves no room"
                f" for a prompt in pretrain.shape.context ({shape.context})",
            )
            for table in ("preferences", "rlhf")
        ),
        (
            own_shape and config.evals.max_new_tokens >= shape.context,
            f"evals.max_new_tokens ({config.evals.max_new_tokens}) leaves no room for a prompt in"
            f" pretrain.shape.context ({shape.context})",
        ),
        *(
            (
                bool(weight) and not config.input.teacher_model,
                f"{key}: needs a teacher: name a model that chats by input.teacher_model",
            )
            for key, weight in (
                ("rl.distillation_weight", config.rl.distillation_weight),
                ("solutions.prompts", config.solutions.prompts),
            )
        ),
        (
            prompts % processes != 0,
            f"rl.prompts_per_step ({prompts}): must divide by input.processes x input.nodes",
        ),
        *(
            (
                size % processes != 0,
                f"{key} ({size}): must divide by input.processes x input.nodes",
            )
            for key, size in (
                ("reward_model.pairs_per_step", config.reward_model.pairs_per_step),
                ("rlhf.prompts_per_step", config.rlhf.prompts_per_step),
                ("rlhf.pairs_per_step", config.rlhf.pairs_per_step),
            )
        ),
        (
            processes % max(1, config.pretrain.replicas) != 0,
            f"pretrain.replicas ({config.pretrain.replicas}): input.processes x input.nodes must"
            " divide by it",
        ),
        *(
            (
                getattr(config.evals, name) != getattr(config.conversations, name),
                f"evals.{name} ({getattr(config.evals, name)!r}) is what a model should answer, and"
                f" conversations.{name} ({getattr(config.conversations, name)!r}) what it is"
                " taught: set both alike",
            )
            for name in ("name", "knowledge_cutoff")
        ),
        *_shared("pretrain", config.pretrain.loop, processes),
        *_shared("sft", config.sft.loop, processes),
        *_shared("interrogated", config.interrogated.loop, processes),
        # Not all runs extend: how its rows are shared, the stage itself asks at once.
    ]
    return [message for wrong, message in checks if wrong]


def _shared(stage: str, loop: LoopConfig, processes: int) -> list[tuple[bool, str]]:
    """Rows that processes can't share."""
    return [
        (
            size % processes != 0,
            f"{stage}.loop.{name} ({size}): must divide by input.processes x input.nodes",
        )
        for name, size in (("rows_per_step", loop.rows_per_step), ("first_rows", loop.first_rows))
    ]
