"""Frozen configs of training: optimizer, loop, model shape, and pretraining that joins the three.

Sizes and steps default to the demo's (a 1M-parameter model on two cores), rates to public speed
runs' values at width 768 (RECIPES §4). SFT and RL reuse `OptimizerConfig` with `scaled`, which
shrinks all of its rates alike. A 128-wide model in a short run wants matrix_lr 0.04 and
embedding_lr 0.1: after 400 steps 1.412 bits per byte where the defaults gave 1.515 (one seed).
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Muon for the layers' matrices, AdamW for embedding, head and gains."""

    matrix_lr: float = 0.02  # Muon; not scaled with width: its updates have spectral norm one
    embedding_lr: float = 0.3  # AdamW, times (width / reference_width) ** -0.5
    head_lr: float = 0.008  # AdamW, likewise; a tied embedding learns at this rate too
    gain_lr: float = 0.01  # AdamW, vectors (norm gains): about 1 in size at any width, so unscaled
    reference_width: int = 768  # the width at which embedding_lr and head_lr were tuned
    momentum: float = 0.95  # Muon, Nesterov
    initial_momentum: float = 0.85  # Muon's momentum rises from here linearly …
    momentum_warmup_steps: int = 300  # … over these steps (modded-nanogpt)
    newton_schulz_steps: int = 5  # 1 to 5
    weight_decay: float = 0.1  # Muon, cautious: only where update and weight agree in sign
    adam_beta1: float = 0.8
    adam_beta2: float = 0.95
    adam_epsilon: float = 1e-10  # gradients are means over thousands of tokens: small
    adam_weight_decay: float = 0.0

    def scaled(self, factor: float) -> "OptimizerConfig":
        """The same optimizer with all learning rates times `factor` (for SFT and RL)."""
        return dataclasses.replace(
            self,
            matrix_lr=self.matrix_lr * factor,
            embedding_lr=self.embedding_lr * factor,
            head_lr=self.head_lr * factor,
            gain_lr=self.gain_lr * factor,
        )


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """How long, in which batches, on which schedule; when to measure, when to save."""

    steps: int = 900
    rows_per_step: int = 24  # global batch: over all processes and accumulation steps
    micro_rows: int = 0  # rows a process takes through the model at once; 0 = all of its share
    warmup_steps: int = 40
    warmdown_fraction: float = 0.5  # the last part of the steps, in which the rate falls linearly
    final_fraction: float = 0.05  # of the peak rate, at the last step
    max_grad_norm: float = 0.0  # 0 = no clipping (no gain measured with Muon)
    log_every: int = 1  # steps between rows of the metrics table; the last step is always one
    validate_every: int = 100  # steps; 0 = never during training; the last step always validates
    validation_rows: int = 64  # rows' worth of validation tokens in those measurements
    loss_chunk_tokens: int = 1024  # tokens whose logits exist at the same time
    checkpoint_seconds: float = 30.0  # wall seconds between checkpoints; never changes the result
    checkpoint_steps: int = 0  # and also every so many steps; 0 = by the clock alone


@dataclasses.dataclass(frozen=True)
class ModelShape:
    """The size of a Qwen3-shaped model; the vocabulary comes from the tokenizer."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    kv_heads: int = 4
    head_dim: int = 32
    ffn_width: int = 384
    context: int = 192  # tokens a row predicts in training, and the longest context afterwards
    rope_theta: float = 10_000.0
    tie_embeddings: bool = False


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """The recipe of a base model. `precision` should be resolved before the digest is made."""

    shape: ModelShape = ModelShape()
    loop: LoopConfig = LoopConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    precision: str = "auto"  # float32, bfloat16 or auto (by the machine's capability)
    threads: int = 2  # of torch in each process: sums are split by it, so it belongs to the recipe
    device: str = "auto"  # cpu, cuda or auto
    seed: int = 0  # initial weights and order of documents
    separate_documents: bool = True  # attention stays within a document; False: within the row
