"""AdamW over what a LoRA trains: low-rank factors and rows of new tokens; nothing else has state.

Not Muon, which whole matrices get: it gives all directions of a factor steps of one size, and both
the rates that others published and their independence of the rank were found with AdamW ("LoRA
Without Regret", Schulman et al. 2025), so people's settings carry over.
"""

import dataclasses

from torch import nn

from pipeline.lora_config import LoraConfig
from pipeline.model import Transformer, lora
from pipeline.training.config import OptimizerConfig
from pipeline.training.optimizers import Optimizer

# The width at which LoraConfig.lr holds, and how the best rate falls with width: tinker-cookbook's
# fit over Llama models of 2,048 to 8,192 features.
REFERENCE_WIDTH = 2_000
WIDTH_EXPONENT = 0.781


def adapter_optimizer(
    model: Transformer, config: OptimizerConfig, settings: LoraConfig
) -> Optimizer:
    """The optimizer of a model that `lora.attach` gave adapters.

    Args:
        model: with adapters.
        config: of AdamW's moments; its learning rates aren't used.
        settings: the learning rates.
    """
    lr = settings.lr * (REFERENCE_WIDTH / model.config.width) ** WIDTH_EXPONENT
    factors: dict[str, nn.Parameter] = {}
    rows: list[tuple[float, dict[str, nn.Parameter]]] = []
    for name, module, adapter in lora.adapters(model):
        named = {f"{name}.{lora.ADAPTER}.{k}": p for k, p in sorted(adapter.named_parameters())}
        if isinstance(adapter, lora.LowRank):
            factors |= named
        else:
            size = float(module.weight.detach().square().mean().sqrt())
            rows.append((settings.row_lr * size, named))
    # The metrics' column `lr` is that of the matrices: here of their factors.
    config = dataclasses.replace(config, matrix_lr=lr)
    return Optimizer({}, [(lr, factors), *rows], config, model.compute_dtype)
