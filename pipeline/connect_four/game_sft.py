"""The `game_sft` stage: the teacher's conversations in; a small model that imitates it out.

From fresh weights, with the game's own vocabulary: AlphaGo's supervised policy, as text. What it
learns is the teacher's distribution of moves, blunders among them.
"""

from pathlib import Path
from typing import TypedDict

from pipeline import model as models
from pipeline.connect_four.config import GameSftConfig
from pipeline.connect_four.game_settings import GameSettings
from pipeline.model import Transformer
from pipeline.sft.conversation_loader import ConversationData, encode
from pipeline.sft.train import answer_bits_per_byte, conversation_rows
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import runtime
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.runlog import kept_row
from pipeline.training.shape import model_config

VALIDATION_CONVERSATIONS = 2_048  # at most, of those that are held back


class GameSftInputs(TypedDict):
    """Folders of artifacts, one each."""

    game_conversations: list[Path]


class GameSftStatistics(TypedDict):
    """Of a `game_sft` artifact."""

    parameters: int
    precision: str
    steps: int
    conversations: int  # of the train split
    final_loss: float  # nats a token, of the last step
    move_bits: float | None  # of held-back conversations, a move and its end


def build(
    out: Path, inputs: GameSftInputs, config: GameSftConfig, progress: Progress, scratch: Path
) -> GameSftStatistics:
    """The `game_sft` stage."""
    (folder,) = inputs["game_conversations"]
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    tokenizer = Tokenizer.load(folder)
    shape, loop = config.shape, config.loop
    model = Transformer(model_config(shape, tokenizer.vocab_size)).init_weights(config.seed)
    model.to(device).compute_dtype = dtype
    rows = conversation_rows([folder])
    parts = encode([row for row in rows if row["split"] == "train"], tokenizer)
    held_back = [row for row in rows if row["split"] == "validation"]
    validation = encode(held_back[:VALIDATION_CONVERSATIONS], tokenizer)
    data = ConversationData(
        parts, shape.context, BatchSizes.of(loop), tokenizer.document_token, config.seed
    )
    progress.note(
        f"game_sft: {model.parameter_count:,} parameters, {len(parts):,} conversations, "
        f"{str(dtype).removeprefix('torch.')} products on {device}"
    )
    metrics, timing = train(
        model,
        build_optimizer(model, config.optimizer),
        data.batch,
        loop,
        stage="game_sft",
        scratch=scratch,
        progress=progress,
        validate=(lambda: answer_bits_per_byte(model, validation, tokenizer))
        if validation
        else None,
    )
    models.save(model, tokenizer, out)
    GameSettings.load(folder).save(out)
    write_run(out, metrics, timing)
    return {
        "parameters": model.parameter_count,
        "precision": str(dtype).removeprefix("torch."),
        "steps": metrics["step"][-1].as_py(),
        "conversations": len(parts),
        "final_loss": metrics["loss"][-1].as_py(),
        "move_bits": kept_row(metrics, loop)["validation_bits_per_byte"],
    }


STAGE = Stage("game_sft", 1, GameSftConfig, build)
