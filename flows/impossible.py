"""Settings that each fit by themselves and together can't be meant: one line for each, at once."""

from flows.config_tables import InputConfig, Tables
from pipeline.corpus.select import RULES as FILTERS
from pipeline.training.config import ACTIVATION_CHECKPOINTING, LoopConfig, ScalingConfig

RUNNERS = ("threads", "ray")
MIN_VOCABULARY = 257  # 256 bytes and the document token


def impossible(config: Tables) -> list[str]:
    """Combinations that would only fail, or mislead, hours later: one line each."""
    shape, loop = config.pretrain.shape, config.pretrain.loop
    at_once = config.rl.prompts_per_step, max(1, config.input.processes * config.input.nodes)
    gate, wanted = config.scan.gate.languages, config.select.language.languages
    strange = [name for name in config.select.filters if name not in FILTERS]
    checks = [
        (config.input.workers < 0, "input.workers: at least 0"),
        (
            config.input.runner not in RUNNERS,
            f"input.runner: unknown runner {config.input.runner!r}: one of {', '.join(RUNNERS)}",
        ),
        (
            bool(config.input.ray_address) and config.input.runner != "ray",
            "input.ray_address: only with input.runner=ray (--runner ray)",
        ),
        (config.input.processes < 1, "input.processes: at least 1"),
        *_several_nodes(config.input),
        (config.input.files < -1, "input.files: at least -1 (-1 = all)"),
        (config.input.pages < 0, "input.pages: at least 0 (0 = all)"),
        (
            bool(gate) and not set(wanted or ("all",)) <= set(gate),
            f"select.language.languages asks for {', '.join(wanted) or 'all'}, but the pass lets"
            f" {', '.join(gate)} through: set scan.gate.languages as well",
        ),
        (
            bool(strange),
            f"select.filters: unknown {', '.join(strange)}: there are {', '.join(FILTERS)}",
        ),
        (config.sample_web.pages < 1, "sample_web.pages: at least 1"),
        (
            config.tokenizer.vocab_size < MIN_VOCABULARY,
            f"tokenizer.vocab_size: at least {MIN_VOCABULARY} (256 bytes and the document token)",
        ),
        (
            shape.kv_heads < 1 or shape.heads % shape.kv_heads != 0,
            f"pretrain.shape: {shape.heads} heads are no multiple of {shape.kv_heads} kv_heads",
        ),
        (shape.head_dim % 2 != 0, "pretrain.shape.head_dim: must be even (rotary positions)"),
        (min(shape.layers, shape.width, shape.heads, shape.ffn_width) < 1, "pretrain.shape: empty"),
        (shape.context < 32, "pretrain.shape.context: at least 32 tokens"),
        (
            config.conversations.max_tokens > shape.context,
            f"conversations.max_tokens ({config.conversations.max_tokens}) exceeds"
            f" pretrain.shape.context ({shape.context})",
        ),
        (
            config.rl.max_new_tokens >= shape.context,
            f"rl.max_new_tokens ({config.rl.max_new_tokens}) leaves no room for a prompt in"
            f" pretrain.shape.context ({shape.context})",
        ),
        (
            config.evals.max_new_tokens >= shape.context,
            f"evals.max_new_tokens ({config.evals.max_new_tokens}) leaves no room for a prompt in"
            f" pretrain.shape.context ({shape.context})",
        ),
        (
            config.rl.answers_per_prompt < 2,
            "rl.answers_per_prompt: at least 2, or the group's mean is the answer itself",
        ),
        (
            at_once[0] % at_once[1] != 0,
            f"rl.prompts_per_step ({at_once[0]}): must divide by input.processes x input.nodes",
        ),
        (
            config.pretrain.parallelism not in ("ddp", "fsdp", "hsdp"),
            f"pretrain.parallelism: unknown {config.pretrain.parallelism!r}: ddp, fsdp or hsdp",
        ),
        (
            at_once[1] % max(1, config.pretrain.replicas) != 0,
            f"pretrain.replicas ({config.pretrain.replicas}): input.processes x input.nodes must"
            " divide by it",
        ),
        *_activations(config),
        *_batches("pretrain", loop, at_once[1]),
        *_batches("sft", config.sft.loop, at_once[1]),
        # Not all of its runs extend: how its rows are shared, the stage itself asks at once.
        *_batches("extend", config.extend.loop, 1),
        *_ladder(config.scaling),
        (min(loop.steps, config.sft.loop.steps) < 1, "loop.steps: at least 1"),
        (min(loop.rows_per_step, config.sft.loop.rows_per_step) < 1, "rows_per_step: at least 1"),
    ]
    return [message for wrong, message in checks if wrong]


def _several_nodes(given: InputConfig) -> list[tuple[bool, str]]:
    """What keeps machines from meeting."""
    host, _, port = given.rendezvous.rpartition(":")
    is_place = bool(host) and port.isdecimal() and 0 < int(port) < 65536
    return [
        (
            not 0 <= given.node_rank < max(1, given.nodes),
            f"input.node_rank ({given.node_rank}): below input.nodes ({given.nodes}), from 0",
        ),
        (
            given.nodes > 1 and not is_place,
            f"input.rendezvous ({given.rendezvous!r}): HOST:PORT of node 0, as all nodes reach it",
        ),
        (bool(given.rendezvous) and given.nodes == 1, "input.rendezvous: only with input.nodes"),
    ]


def _activations(config: Tables) -> list[tuple[bool, str]]:
    """Settings of activation checkpointing that are none."""
    given = {
        "pretrain.loop": config.pretrain.loop.activation_checkpointing,
        "extend.loop": config.extend.loop.activation_checkpointing,
        "sft.loop": config.sft.loop.activation_checkpointing,
        "rl": config.rl.activation_checkpointing,
    }
    known = " or ".join(ACTIVATION_CHECKPOINTING)
    return [
        (
            value not in ACTIVATION_CHECKPOINTING,
            f"{table}.activation_checkpointing: unknown {value!r}: {known}",
        )
        for table, value in given.items()
    ]


def _batches(stage: str, loop: LoopConfig, processes: int) -> list[tuple[bool, str]]:
    """Rows that processes can't share, or smaller batches at the start than can be."""
    first, rows = loop.first_rows, loop.rows_per_step
    shared = [
        (
            size % processes != 0,
            f"{stage}.loop.{name} ({size}): must divide by input.processes x input.nodes",
        )
        for name, size in (("rows_per_step", rows), ("first_rows", first))
    ]
    is_no_part = first > 0 and (rows < first or rows % first != 0)
    return [
        *shared,
        (is_no_part, f"{stage}.loop.first_rows ({first}): must divide rows_per_step ({rows})"),
    ]


def _ladder(scaling: ScalingConfig) -> list[tuple[bool, str]]:
    """What makes a ladder of sizes useless: hours later it would only say so."""
    depths, seeds = scaling.depths, scaling.seeds
    smaller = (len(depths) - 1) * len(seeds)  # runs from which the largest is predicted
    return [
        (
            len(set(depths)) != len(depths) or min(depths, default=0) < 1,
            "scaling.depths: different numbers of layers, at least 1 each",
        ),
        (
            scaling.head_dim < 2 or scaling.width_per_layer % scaling.head_dim != 0,
            f"scaling.width_per_layer ({scaling.width_per_layer}) must be a multiple of"
            f" scaling.head_dim ({scaling.head_dim})",
        ),
        (
            len(depths) < 4 or smaller < 4,
            f"scaling: {len(depths)} depths x {len(seeds)} seeds are too few to predict the"
            " largest from the others: give 5 depths, or 4 and two seeds",
        ),
        (
            scaling.tokens_per_parameter <= 0 or scaling.ahead <= 1 or scaling.draws < 100,
            "scaling: tokens_per_parameter above 0, ahead above 1, draws at least 100",
        ),
    ]
