"""Frozen configs of training: optimizer, loop, model shape, and pretraining that joins the three.

Sizes and steps default to the demo's (a 1M-parameter model on two cores), rates to public speed
runs' values at width 768 (Muon, kellerjordan.github.io/posts/muon, and the speed runs of
modded-nanogpt and nanochat). SFT and RL reuse `OptimizerConfig` with `scaled`, which shrinks all of
its rates alike. A 128-wide model in a short run wants matrix_lr 0.04 and embedding_lr 0.1: after
400 steps 1.412 bits per byte where the defaults gave 1.515 (one seed).
"""

import dataclasses

from pipeline import ranges

ACTIVATION_CHECKPOINTING = ("off", "layers")
PARALLELISMS = ("ddp", "fsdp", "hsdp")
SCALINGS = ("yarn", "llama3", "theta")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Muon for the layers' matrices, AdamW for embedding, head and gains."""

    matrix_lr: float = 0.02  # Muon; not scaled with width: its updates have spectral norm one
    embedding_lr: float = 0.3  # AdamW, times (width / reference_width) ** -0.5
    head_lr: float = 0.008  # AdamW, likewise; a tied embedding learns at this rate too
    gain_lr: float = 0.01  # AdamW, vectors (norm gains): about 1 in size at any width, so unscaled
    reference_width: int = 768  # the width at which embedding_lr and head_lr were tuned
    # The speedrun family's n-gram tables: gradient over the root mean square of its row, no
    # momentum (a rare row has one gradient in a while); rows are in units of their own.
    table_lr: float = 0.2
    table_beta: float = 0.95  # of the running mean square
    momentum: float = 0.95  # Muon, Nesterov
    initial_momentum: float = 0.85  # Muon's momentum rises from here linearly …
    momentum_warmup_steps: int = 300  # … over these steps (modded-nanogpt)
    newton_schulz_steps: int = 5  # 1 to 5
    weight_decay: float = 0.1  # Muon, cautious: only where update and weight agree in sign
    adam_beta1: float = 0.8
    adam_beta2: float = 0.95
    adam_epsilon: float = 1e-10  # gradients are means over thousands of tokens: small
    adam_weight_decay: float = 0.0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="reference_width newton_schulz_steps adam_epsilon",
            shares="momentum initial_momentum",
            # of a running mean that is divided by 1 - beta ** steps
            below_one="table_beta adam_beta1 adam_beta2",
            at_most={"newton_schulz_steps": 5},  # coefficients for more are not known
        )

    def scaled(self, factor: float) -> "OptimizerConfig":
        """The same optimizer with all learning rates times `factor` (for SFT and RL)."""
        return dataclasses.replace(
            self,
            matrix_lr=self.matrix_lr * factor,
            embedding_lr=self.embedding_lr * factor,
            head_lr=self.head_lr * factor,
            gain_lr=self.gain_lr * factor,
            table_lr=self.table_lr * factor,
        )


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """How long, in which batches, on which schedule; when to measure, when to save."""

    steps: int = 900
    rows_per_step: int = 24  # global batch: over all processes and accumulation steps
    # Smaller batches first: so many rows, then twice, three times … as many, each equally long,
    # until rows_per_step (a multiple of it) is reached; 0 = rows_per_step from the first step on.
    first_rows: int = 0
    ramp_fraction: float = 0.5  # with first_rows, the first part of the steps, in which rows rise
    micro_rows: int = 0  # rows a process takes through the model at once; 0 = all of its share
    warmup_steps: int = 40
    warmdown_fraction: float = 0.5  # the last part of the steps, in which the rate falls linearly
    final_fraction: float = 0.05  # of the peak rate, at the last step
    max_grad_norm: float = 0.0  # 0 = no clipping (no gain measured with Muon)
    log_every: int = 1  # steps between rows of the metrics table; the last step is always one
    validate_every: int = 100  # steps; 0 = never during training; the last step always validates
    validation_rows: int = 64  # rows' worth of validation tokens in those measurements
    # The model that training ends with is that of the best validation, the first of equals; its
    # checkpoint stays until then, whatever the rhythm below. Off: that of the last step.
    keep_best: bool = False
    # Validations in a row without a new best after which training ends; 0 = never. The learning
    # rate's schedule is that of `steps`, so a run that ends early ends at a high rate.
    early_stop_patience: int = 0
    loss_chunk_tokens: int = 1024  # tokens whose logits exist at the same time
    # off, or layers: of each layer its input alone is kept for the backward, which makes the rest
    # again: the same numbers for a third more work and a fraction of the memory.
    activation_checkpointing: str = "off"
    checkpoint_seconds: float = 30.0  # wall seconds between checkpoints; never changes the result
    checkpoint_steps: int = 0  # and also every so many steps; 0 = by the clock alone
    checkpoint_keep: int = 2  # the newest so many stay (and three anchors, see rollback_steps)
    checkpoint_keep_every: int = 0  # steps; those at multiples are written and stay; 0 = none
    checkpoint_keep_best: bool = False  # the one with the best validation is written and stays
    # A non-finite loss or gradient, or a spike that lasts: back to the state after a
    # multiple of these steps (each is checkpointed) and on with the batches after the bad one.
    rollback_steps: int = 200  # PaLM (arXiv 2204.02311, 5.1) went back ~100; 0 = the run ends
    rollback_limit: int = 3  # incidents before the run ends with one line
    rollback_rate_factor: float = 1.0  # on all learning rates after each; 1 = only other batches
    spike_window: int = 50  # steps whose median loss a spike is measured from
    spike_deviations: float = 8.0  # robust standard deviations above it; 0 = spikes are ignored
    spike_nats: float = 0.5  # and at least so far above it, nats a token
    spike_patience: int = 3  # steps in a row: single odd batches do no harm
    # Least seconds without a step before the process is ended and tried again; a multiple of the
    # slowest step so far counts where it is longer, six times these for the first. 0 = never.
    watchdog_seconds: float = 300.0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "steps rows_per_step log_every loss_chunk_tokens rollback_rate_factor spike_window"
            ),
            shares="ramp_fraction warmdown_fraction final_fraction",
            one_of={"activation_checkpointing": ACTIVATION_CHECKPOINTING},
        )
        first, rows = self.first_rows, self.rows_per_step
        ranges.refuse(
            self,
            (
                first > 0 and (rows < first or rows % first != 0),
                f"first_rows ({first}): must divide rows_per_step ({rows})",
            ),
            (
                self.validate_every == 0 and (self.keep_best or self.early_stop_patience > 0),
                "validate_every: keep_best and early_stop_patience compare validations: set it"
                " above 0",
            ),
        )


@dataclasses.dataclass(frozen=True)
class ModelShape:
    """The family and the sizes of a model; the vocabulary comes from the tokenizer."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    kv_heads: int = 4
    head_dim: int = 32
    ffn_width: int = 384
    context: int = 192  # tokens a row predicts in training, and the longest context afterwards
    rope_theta: float = 10_000.0
    tie_embeddings: bool = False
    family: str = "qwen3"  # qwen3, llama, gpt2, or speedrun (learns fastest, can't be exported)
    # speedrun only: rows of its tables of 2-grams, 3-grams, …, and features a row
    ngram_rows: tuple[int, ...] = (16_384, 16_384)
    ngram_width: int = 32

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "layers width heads kv_heads head_dim ffn_width context rope_theta ngram_rows"
                " ngram_width"
            ),
        )
        ranges.refuse(
            self,
            (
                self.heads % self.kv_heads != 0,
                f": {self.heads} heads are no multiple of {self.kv_heads} kv_heads",
            ),
            (self.head_dim % 2 != 0, "head_dim: must be even (rotary positions)"),
        )


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """The recipe of a base model. `precision` and `products` should be resolved before the digest
    is made."""

    shape: ModelShape = ModelShape()
    loop: LoopConfig = LoopConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    precision: str = "auto"  # float32, bfloat16 or auto (by the machine's capability)
    threads: int = 2  # of torch in each process: sums are split by it, so it belongs to the recipe
    device: str = "auto"  # cpu, cuda or auto
    seed: int = 0  # initial weights and order of documents
    separate_documents: bool = True  # attention stays within a document; False: within the row
    # The dial: so many layers set shape, batch, steps, rates and weight decay, as far as nothing
    # else is given for them (pipeline.training.depth); 0 = everything as it stands above.
    depth: int = 0
    tokens_per_parameter: float = 12.0  # with depth, of matrix parameters (Hoffmann et al.: 20)
    # Of several processes. ddp: each holds everything, gradients are summed. fsdp: parameters,
    # gradients and optimizer state are spread over them. hsdp: over those of each replica, and
    # between replicas gradients are summed.
    parallelism: str = "ddp"
    replicas: int = 0  # of hsdp; 0 = one a node, so that only gradients travel between nodes
    compile: bool = False  # torch.compile of forward and backward: for GPUs, a minute at the start
    fp8: bool = False  # the layers' products in 8 bits: H100 and later, from ~900M parameters
    # Whose CPU products, in which reproducible mode (pipeline.model.products); auto: this machine's
    products: str = "auto"

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="threads tokens_per_parameter",
            one_of={"parallelism": PARALLELISMS},
        )


@dataclasses.dataclass(frozen=True)
class ExtendConfig:
    """A longer context for a base model: how its rotation is stretched, and how long it learns."""

    context: int = 0  # tokens, more than the base has; 0 = four times as many
    # yarn (Peng et al. 2023) or llama3 (Llama 3.1): slow frequencies are slowed, fast ones stay;
    # theta (Xiong et al. 2023): a larger base, all frequencies are slowed, the slowest most
    scaling: str = "yarn"
    factor: float = 0.0  # of stretching; 0 = the new context / the base's own
    # Few steps on long rows do: Llama 3 spent 5% of its tokens on it, YaRN's paper 400 steps.
    loop: LoopConfig = dataclasses.field(
        default_factory=lambda: LoopConfig(
            steps=200, rows_per_step=6, warmup_steps=10, validate_every=50, validation_rows=24
        )
    )
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    rate_factor: float = 0.3  # on the optimizer's rates: what the base knows should stay
    precision: str = "auto"  # float32, bfloat16 or auto; resolved before the digest is made
    products: str = "auto"  # as PretrainConfig's
    threads: int = 2
    device: str = "auto"  # cpu, cuda or auto
    seed: int = 0  # order of documents
    separate_documents: bool = True

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="rate_factor threads", one_of={"scaling": SCALINGS})
        ranges.refuse(
            self, (0 < self.factor <= 1, f"factor is {self.factor:g}: it must be more than 1")
        )


@dataclasses.dataclass(frozen=True)
class ScalingConfig:
    """Which sizes, how long each, and how far ahead to look."""

    depths: tuple[int, ...] = (1, 2, 3, 4, 5)  # layers; the largest is the check
    width_per_layer: int = 32  # features of the residual stream a layer
    head_dim: int = 32
    ffn_ratio: float = 3.0  # ffn_width / width, as in the presets
    # Tokens seen a matrix parameter. Hoffmann et al. 2022 found 20 of them compute-optimal; a
    # ladder of minutes on a CPU takes fewer, and says so by its recipe.
    tokens_per_parameter: float = 8.0
    # Beyond four passes repeated text teaches less than new text (Muennighoff et al. 2023), and the
    # law would mix the two: such a ladder is refused.
    max_epochs: float = 4.0
    seeds: tuple[int, ...] = (0,)  # every size once a seed
    ahead: float = 4.0  # the next size: so many times the largest's compute
    draws: int = 400  # of the interval's bootstrap
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="depths width_per_layer head_dim ffn_ratio tokens_per_parameter max_epochs",
            at_least={"draws": 100},
        )
        depths, seeds = self.depths, self.seeds
        smaller = (len(depths) - 1) * len(seeds)  # runs from which the largest is predicted
        ranges.refuse(
            self,
            (
                len(set(depths)) != len(depths),
                "depths: different numbers of layers, at least 1 each",
            ),
            (
                self.head_dim < 2 or self.width_per_layer % self.head_dim != 0,
                f"width_per_layer ({self.width_per_layer}) must be a multiple of"
                f" scaling.head_dim ({self.head_dim})",
            ),
            (
                len(depths) < 4 or smaller < 4,
                f": {len(depths)} depths x {len(seeds)} seeds are too few to predict the"
                " largest from the others: give 5 depths, or 4 and two seeds",
            ),
            (self.ahead <= 1, f"ahead: {self.ahead:g} must be above 1"),
        )
