"""Conversations whose assistant calls tools, many at a time over one generation batch.

In: prompts that state a toolbox's tools, each with its samples, and what the user says later,
whatever is replied. Out: what every sample wrote, what the tools gave, and which of its tokens were
sampled. A row that has written calls pauses at the end of its turn; the calls of all rows that wait
are answered side by side, their outputs are appended as the conversation encoder writes them, and
the rows go on. So a row's tokens are those of its conversation, but where the model's own tokens or
white space aren't the encoder's: what was sampled stays as it was sampled. A row's result is the
same to the bit whatever else is in the batch.

A call that can't be read is text and ends the turn. Whatever a tool does there is an output
(`Toolbox.answer`). After `most_rounds` rounds outputs say that there were too many calls, and one
more call ends the turn. Outputs, and messages of the user, that leave no room in the context for a
reply end it as well: they stand in the messages, not in the tokens. All else goes on.
"""

import dataclasses
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from pipeline.chat.conversation import (
    STOP,
    Conversation,
    after_calls,
    after_reply,
    assistant,
    parse_reply,
    user,
)
from pipeline.chat.conversation import prompt as prompt_of
from pipeline.chat.layout import CALL
from pipeline.chat.messages import Message, ToolCall, as_conversation
from pipeline.model.batch import Event, GenerationBatch
from pipeline.model.engine import BURST, TOKENS_PER_STEP, Engine, Sampling, row_keys
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import ERROR, Toolbox, messages
from storage.errors import UserError

MOST_ROUNDS = 4  # of calls that are answered: twice what a question of one step takes; ours
TOO_MANY = ToolOutput(f"{ERROR}too many calls: answer without", "limit")

# How a turn ended: by itself; at the limit of its tokens or of the context; because outputs or the
# user's next message left no room for a reply; in a call after it was told to stop; in a call that
# can't be read.
TurnEnd = Literal["", "stop", "length", "context", "rounds", "unreadable"]


@dataclasses.dataclass(frozen=True)
class AnsweredCall:
    """A call and what it gave."""

    call: ToolCall
    output: ToolOutput


@dataclasses.dataclass(frozen=True)
class ToolReply:
    """An assistant's turn with the calls that it took; or its turns, where the user said more."""

    tokens: list[int]  # after the prompt, those of tools' outputs included
    logprobs: list[float]  # of each, nats; 0 for those that were not sampled
    sampled: list[bool]  # False: somebody else's words and what stands around them
    messages: tuple[Message, ...]  # of the turn
    calls: tuple[AnsweredCall, ...]
    rounds: int  # of calls
    ended: TurnEnd

    @property
    def text(self) -> str:
        """What the assistant said last; "" where it ended among its calls, or before its turn."""
        last = self.messages[-1]
        return last.content if last.role == "assistant" and not last.tool_calls else ""

    @property
    def stopped(self) -> bool:
        """Whether the turn, the last one, ended by itself."""
        return self.ended == "stop"

    def has_called(self, tokenizer: Tokenizer) -> bool:
        """Whether it began a call, one that couldn't be read included."""
        call = tokenizer.special(CALL)
        return any(own and token == call for token, own in zip(self.tokens, self.sampled))


@dataclasses.dataclass
class _Turn:
    """A row's turn under way."""

    row: int
    length: int  # tokens of the prompt and of all that followed
    later: list[str]  # what the user is still going to say
    written: list[int] = dataclasses.field(default_factory=list)  # since the last outputs
    messages: list[Message] = dataclasses.field(default_factory=list)
    calls: list[AnsweredCall] = dataclasses.field(default_factory=list)
    rounds: int = 0
    rounds_before: int = 0  # of those, before the user spoke last
    ended: TurnEnd = ""


class ToolBatch:
    """Turns under way over a batch.

    Args:
        batch: of the model; rows of others may run in it.
        tokenizer: the model's, with conversation tokens.
        toolbox: answers calls.
        most_rounds: of calls that are answered in a turn; those of one round run side by side.
    """

    def __init__(
        self,
        batch: GenerationBatch,
        tokenizer: Tokenizer,
        toolbox: Toolbox,
        most_rounds: int = MOST_ROUNDS,
    ) -> None:
        self.batch, self.tokenizer, self.toolbox = batch, tokenizer, toolbox
        self.most_rounds = most_rounds
        self._turns: dict[int, _Turn] = {}
        self._waiting: list[_Turn] = []

    @property
    def active(self) -> bool:
        """Whether a step or answers would do anything."""
        return self.batch.active or bool(self._waiting)

    @property
    def waiting(self) -> list[ToolCall]:
        """The calls that wait for `answer`, those of one row after another."""
        return [call for turn in self._waiting for call in turn.messages[-1].tool_calls]

    def add(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        keys: Sequence[int],
        later: Sequence[str] = (),
    ) -> list[int]:
        """Let a turn be written, once for each key.

        Args:
            prompt: `conversation.prompt` of a conversation that states the toolbox's tools.
            sampling: settings; `max_new_tokens` are those that all rounds and turns sample.
            keys: as `GenerationBatch.add`'s, as are exceptions.
            later: what the user says after each reply but the last.

        Returns:
            The rows' numbers.
        """
        stop = self.tokenizer.special(STOP)
        pausing = dataclasses.replace(sampling, stop_tokens=(), pause_tokens=(stop,))
        rows = self.batch.add(prompt, pausing, keys)
        self._turns.update({row: _Turn(row, len(prompt), list(later)) for row in rows})
        return rows

    def step(self, most_tokens: int = BURST) -> list[Event]:
        """Read and sample for a while, as `GenerationBatch.step`: the same events."""
        events = self.batch.step(most_tokens)
        for event in events:
            turn = self._turns.get(event.row)
            if turn is None:
                continue
            turn.written += event.tokens
            turn.length += len(event.tokens)
            if event.ended == "pause":
                self._end_round(turn)
            elif event.ended:
                self._end(turn, "length")
        return events

    def answer(self) -> list[ToolOutput]:
        """Answer all calls that wait, in the order of `waiting`, and let their rows go on."""
        waiting, self._waiting = self._waiting, []
        within = [turn for turn in waiting if not self._is_over(turn)]
        calls = [call for turn in within for call in turn.messages[-1].tool_calls]
        given = iter(self.toolbox.answer_all(calls))
        all_outputs: list[ToolOutput] = []
        for turn in waiting:
            asked = turn.messages[-1].tool_calls
            over = self._is_over(turn)
            outputs = [TOO_MANY] * len(asked) if over else list(islice(given, len(asked)))
            all_outputs += outputs
            turn.calls += map(AnsweredCall, asked, outputs)
            turn.messages += messages(asked, outputs)
            self._go_on(turn, after_calls([output.text for output in outputs], self.tokenizer))
        return all_outputs

    def reply(self, row: int) -> ToolReply:
        """What a row has written so far; all of it once it has ended, and then it is forgotten."""
        turn, completion = self._turns[row], self.batch.completion(row)
        if turn.ended:
            self.batch.forget(row)
            del self._turns[row]
        return ToolReply(
            completion.tokens,
            completion.logprobs,
            completion.sampled,
            tuple(turn.messages),
            tuple(turn.calls),
            turn.rounds,
            turn.ended,
        )

    def cancel(self, row: int) -> None:
        """End a row's turn and forget it, if it is still known."""
        turn = self._turns.pop(row, None)
        if turn is not None:
            self._waiting = [other for other in self._waiting if other is not turn]
            self.batch.cancel(row)
            self.batch.forget(row)

    def _end_round(self, turn: _Turn) -> None:
        """A row has ended a message: with calls, or it is the last one."""
        try:
            said = parse_reply(turn.written, self.tokenizer)
        except UserError:  # no call that could be answered
            self._end(turn, "unreadable")
            return
        if not said.tool_calls and turn.later:
            self._speak(turn, said)
        elif not said.tool_calls:
            self._end(turn, "stop")
        elif self._is_over(turn):
            self._end(turn, "rounds", said.content)
        else:
            turn.written = []
            turn.messages.append(said)
            turn.rounds += 1
            self._waiting.append(turn)

    def _is_over(self, turn: _Turn) -> bool:
        """Whether a turn has used up its rounds."""
        return turn.rounds - turn.rounds_before > self.most_rounds

    def _speak(self, turn: _Turn, said: Message) -> None:
        """Let the user say the next thing after a reply."""
        text = turn.later.pop(0)
        turn.messages += [said, user(text)]
        turn.written, turn.rounds_before = [], turn.rounds
        self._go_on(turn, after_reply(text, self.tokenizer))

    def _go_on(self, turn: _Turn, forced: list[int]) -> None:
        """Append what somebody else wrote, if it leaves room for a reply."""
        if turn.length + len(forced) < self.batch.context:
            turn.length += len(forced)
            self.batch.resume(turn.row, forced)
        else:
            self.batch.finish(turn.row)
            turn.ended = "context"

    def _end(self, turn: _Turn, why: TurnEnd, text: str | None = None) -> None:
        if why != "length":
            self.batch.finish(turn.row)
        if text is None:
            control = {self.tokenizer.special(name) for name in CONVERSATION_TOKENS}
            text = self.tokenizer.decode([t for t in turn.written if t not in control])
        if turn.written or not turn.messages:
            turn.messages.append(assistant(text))
        turn.ended = why


def replies(
    engine: Engine,
    tokenizer: Tokenizer,
    talks: Sequence[Conversation | Sequence[Message]],
    toolbox: Toolbox,
    *,
    later: Sequence[Sequence[str]] = (),
    samples: int = 1,
    most_rounds: int = MOST_ROUNDS,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    seed: int = 0,
) -> list[list[ToolReply]]:
    """The assistant's turn in each of many conversations, `samples` times.

    Args:
        engine: of a model that chats.
        tokenizer: its own.
        talks: in each it is the assistant's turn. The toolbox's tools are the ones that it states.
        toolbox: answers calls.
        later: of each conversation, what its user says after each reply but the last; empty: none.
        samples: of each turn.
        most_rounds: see `ToolBatch`.
        max_new_tokens: that all rounds and turns of a conversation sample.
        temperature, top_k, seed: see `Engine.generate`.

    Raises:
        UserError: a conversation is out of order or too long for the model.
        FloatingPointError: the model's logits are not finite.
    """
    stated = [dataclasses.replace(as_conversation(t), tools=toolbox.definitions) for t in talks]
    prompts = [prompt_of(talk, tokenizer) for talk in stated]
    rows = min(engine.max_rows, max(1, len(prompts) * samples))
    batch = engine.batch(max_rows=rows, tokens_per_step=TOKENS_PER_STEP)
    turns = ToolBatch(batch, tokenizer, toolbox, most_rounds)
    settings = Sampling(max_new_tokens, temperature, top_k)
    keys = row_keys(prompts, samples, seed).tolist()
    said = later or [()] * len(prompts)
    numbers = [turns.add(*each) for each in zip(prompts, [settings] * len(prompts), keys, said)]
    engine.moved("prompts")
    while turns.active:
        turns.step()
        turns.answer()
        engine.moved("tokens")
    engine.moved("")
    return [[turns.reply(row) for row in own] for own in numbers]
