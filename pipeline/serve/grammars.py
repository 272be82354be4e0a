"""Constrained decoding: what keeps a row to a JSON schema, or to tool calls, whatever its model.

In: a tokenizer; schemas and tools from requests. Out: constraints (`pipeline.model.constraint`)
that say before each token which ones may come: those that begin something that the grammar allows,
by their bytes; and a stop token only where the whole is complete. llguidance compiles the grammars
and follows them. A white space may stand after a comma and a colon and nowhere else between the
parts of JSON: a poor model would write white space without end. A constraint that knows how many
tokens its row may sample leads it to the end in time (`way_out`).

Compile away from the thread that generates (`asyncio.to_thread`): each call of `json_schema` and
`tool_call` may take a tenth of a second. `GrammarConstraint.again` costs next to nothing.
"""

import dataclasses
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from pipeline.chat.layout import CALL, CALL_END
from pipeline.serve.schema_limits import GrammarLimits, checked
from pipeline.serve.way_out import Deadline, Order, way_out
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

# "x-guidance" of every schema: the separators are regular expressions.
FORM = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}
# Before every grammar. Where only one text can follow, llguidance would tokenize all of it at each
# step and allow the first token alone: milliseconds for long constants. So the model chooses.
HEAD = '%llguidance {"no_forcing": true}\n'
PROBED_TOKENS = 64  # that a new grammar is followed for, before a row is

# What it says, and in its user's terms.
_MEANINGS = (
    (re.compile("^NoExtensionBias$"), "nothing meets it"),
    (
        re.compile(r"Current row has \d+ items; max is \d+.*"),
        "too much may come at one place: let fewer properties be optional, or fewer options stand",
    ),
    (re.compile("fuel exhausted.*"), "its patterns or numbers take too much work: simplify them"),
)
_AT = re.compile(r"^at \d+\(\d+\): (failed to compile JSON schema: )?")
_SHOWN = re.compile(r"^\s*\d+ \| ", re.MULTILINE)

NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


class GrammarConstraint:
    """Where one row stands in its grammar: a `pipeline.model.constraint.Constraint`.

    After a stop token anything may follow: a row that only paused there goes on freely.

    Args:
        grammar: that it keeps to.
        at: where it stands: a copy is its own.
        left: tokens that its row may sample, its stop token among them. As they run out it is led
            to its end. None: it may end within a word.
    """

    def __init__(self, grammar: "_Grammar", at: LLMatcher, left: int | None = None) -> None:
        self._grammar = grammar
        self._matcher = at.deep_copy()
        self._over = False
        self._deadline = None if left is None else Deadline(left, grammar.order)

    def again(self, left: int | None = None) -> "GrammarConstraint":
        """Another one of the same grammar, at its beginning, for a row of so many tokens."""
        return GrammarConstraint(self._grammar, self._grammar.start, left)

    def copy(self) -> "GrammarConstraint":
        """Another one that stands here, for as many tokens as it likes."""
        return GrammarConstraint(self._grammar, self._matcher)

    @property
    def complete(self) -> bool:
        """Whether what was accepted is all that the grammar asks for."""
        return self._over or bool(self._matcher.is_accepting())

    def allowed(self) -> npt.NDArray[Any] | None:
        """[vocab] bool: the tokens that may come next; None: any.

        Raises:
            RuntimeError: following the grammar would take more work than its limits give, or no
                token of the vocabulary goes on.
        """
        if self._over:
            return None
        grammar = self._grammar
        due = None if self._deadline is None else self._deadline.due(self)
        if due is not None:
            mask = np.zeros(grammar.vocab_size, np.bool_)
            mask[due or list(grammar.stop_tokens)] = True
            return mask
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        mask = np.unpackbits(bits, count=grammar.vocab_size, bitorder="little").view(np.bool_)
        complete = self._matcher.is_accepting()
        mask[grammar.end] = False
        mask[list(grammar.stop_tokens)] = complete
        if not complete and not mask.any():
            raise RuntimeError("no token of the vocabulary goes on as the grammar asks")
        return mask

    def accept(self, token: int) -> None:
        """A token that was allowed was sampled.

        Raises:
            RuntimeError: it was not allowed, or following the grammar would take too much work.
        """
        if self._over or token in self._grammar.stop_tokens:
            self._over = True
            return
        if self._deadline is not None:
            self._deadline.accept()
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise RuntimeError(_one_line(self._matcher.get_error()))


@dataclasses.dataclass(frozen=True)
class _Grammar:
    """What rows of one grammar share."""

    start: LLMatcher  # at its beginning; never moved
    vocab_size: int
    end: int  # what llguidance takes for the end
    stop_tokens: tuple[int, ...]
    order: Order  # of tokens on a way out


class Grammars:
    """Makes constraints for one model.

    Args:
        tokenizer: the model's.
        vocab_size: the model's, which may be more than the tokenizer's.
        stop_tokens: of which one may come where a grammar is complete, and nowhere else. Without
            any a row ends by itself where nothing else can come.
        limits: on grammars.

    Raises:
        UserError: the tokenizer is not byte-level.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        vocab_size: int,
        stop_tokens: tuple[int, ...],
        limits: GrammarLimits | None = None,
    ) -> None:
        self.tokenizer, self.vocab_size, self.stop_tokens = tokenizer, vocab_size, stop_tokens
        self.limits = limits or GrammarLimits()
        self._kept: OrderedDict[str, GrammarConstraint] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = tokenizer.token_bytes
        self._order = Order(self._bytes, vocab_size)

    def json_object(self) -> GrammarConstraint:
        """Any JSON object."""
        return self.json_schema({"type": "object"})

    def json_schema(self, schema: Mapping[str, Any]) -> GrammarConstraint:
        """JSON that the schema describes; properties come in the schema's order.

        Raises:
            UserError: the schema is no schema, too large, can't be met, or uses what llguidance
                can't keep to: it is named.
        """
        return self._compiled(f"start: {self._json(schema)}")

    def tool_call(
        self, tools: Mapping[str, Mapping[str, Any] | None], *, parallel: bool = False
    ) -> GrammarConstraint:
        r"""One or more calls in Hermes' form, `<tool_call>\n{"name": …}\n</tool_call>`.

        Args:
            tools: names and the schemas of their arguments, which are objects; None: no arguments.
            parallel: several calls may follow each other, a line break between them.

        Raises:
            UserError: as `json_schema`, or the tokenizer has no tags of tool calls.
        """
        if not 0 < len(tools) <= self.limits.max_tools:
            raise UserError(f"{len(tools)} tools: there must be 1 to {self.limits.max_tools}")
        start, end = (self.tokenizer.special(tag) for tag in (CALL, CALL_END))
        most = self.limits.max_calls - 1 if parallel else 0
        rules = [
            f'start: call ("\\n" call){{0,{most}}}' if most else "start: call",
            f'call: <[{start}]> "\\n" body "\\n" <[{end}]>',
            "body: " + " | ".join(f"tool_{number}" for number in range(len(tools))),
        ]
        for number, (name, parameters) in enumerate(tools.items()):
            before = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": '
            try:
                arguments = self._json(_of_objects(parameters))
            except UserError as error:
                raise UserError(f"tool {name!r:.80}: {error}") from error
            written = json.dumps(before, ensure_ascii=False)
            rules.append(f'tool_{number}: {written} arguments_{number} "}}"')
            rules.append(f"arguments_{number}: {arguments}")
        return self._compiled("\n".join(rules))

    def _json(self, schema: Mapping[str, Any]) -> str:
        found = {"x-guidance": FORM} | checked(schema, self.limits)
        return f"%json {json.dumps(found)}"

    def _compiled(self, grammar: str) -> GrammarConstraint:
        """Its constraint, from what is kept of earlier requests or new."""
        with self._lock:
            kept = self._kept.get(grammar)
            if kept is not None:
                self._kept.move_to_end(grammar)
                return kept.again()
        limits = self._parser_limits
        matcher = LLMatcher(self._tokenizer, HEAD + grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise UserError(f"schema: it can't be kept to: {_one_line(matcher.get_error())}")
        end = self.tokenizer.document_token
        shared = _Grammar(matcher, self.vocab_size, end, self.stop_tokens, self._order)
        made = GrammarConstraint(shared, matcher)
        try:  # most that exceed the limits do so early
            way_out(made.again(), self._order, PROBED_TOKENS)
        except RuntimeError as error:
            raise UserError(f"schema: it can't be kept to: {error}") from error
        with self._lock:
            self._kept[grammar] = made
            while len(self._kept) > self.limits.max_kept:
                self._kept.popitem(last=False)
        return made.again()

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        return LLTokenizer(
            _Vocabulary(self.tokenizer, self._bytes, self.vocab_size),  # type: ignore[arg-type]
            slices=LLTokenizer.json_slices(),
        )

    @property
    def _parser_limits(self) -> LLParserLimits:
        limits = self.limits
        return LLParserLimits(
            max_items_in_row=limits.max_items_in_row,
            initial_lexer_fuel=limits.initial_lexer_fuel,
            step_lexer_fuel=limits.step_lexer_fuel,
            step_max_items=limits.step_max_items,
            max_lexer_states=limits.max_lexer_states,
            max_grammar_size=limits.max_grammar_size,
            verbose_errors=False,  # which would repeat the request in logs
        )


class _Vocabulary:
    """A tokenizer as llguidance asks for it."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokenizer: Tokenizer, table: list[bytes], vocab_size: int) -> None:
        # Ids without a token have no bytes, and so are never allowed.
        self.tokens = [*table[:vocab_size], *[b""] * (vocab_size - len(table))]
        self.special_token_ids = [id for id in tokenizer.special_tokens.values() if id < vocab_size]
        self.eos_token_id = tokenizer.document_token
        self._encode = tokenizer.encode

    def __call__(self, text: str) -> list[int]:
        """Ids of a text that a grammar names."""
        return self._encode(text)


def _of_objects(parameters: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if parameters is None:
        return NO_ARGUMENTS
    if parameters.get("type", "object") != "object":
        raise UserError(f"parameters are of type {parameters['type']!r:.80}: it must be object")
    return {**parameters, "type": "object"}


def _one_line(message: str) -> str:
    """llguidance's words without its place in the grammar, which no user has written."""
    message = _AT.sub("", message.replace("<non-verbose/>", ""))
    words = " ".join(_SHOWN.split(message, maxsplit=1)[0].split())
    for said, meant in _MEANINGS:
        words = said.sub(meant, words)
    return words.removeprefix("Parser Error: ")[:300]
