"""Whatever a model would write: what ends by a stop token is valid, what is cut begins so."""

import itertools
import json
import re
import threading
from collections.abc import Mapping
from typing import Any

import jsonschema
import llguidance
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from json_prefix import is_json_prefix
from random_models import byte_tokenizer

from pipeline.chat.conversation import parse_reply
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine
from pipeline.model.rows import Sampling, row_keys
from pipeline.serve import grammars as module
from pipeline.serve.grammars import GrammarConstraint, Grammars
from pipeline.serve.schema_limits import GrammarLimits
from pipeline.serve.way_out import way_out
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from storage.errors import UserError

TEXTS = [
    '{"name": "Zoë", "age": 31, "tags": ["a", "b"], "open": true, "rest": null, "x": -0.5}',
    '{"city": "北京市", "flag": "🏳️‍🌈 🏳️‍🌈", "note": "a \\"quoted\\" line\\nand another"}',
    "The cat sat on the mat, and the dog sat on the log.",
]
PADDED = 11  # ids of the model that no token has
NEW = 120


def tiny_engine(tokenizer: Tokenizer) -> Engine:
    shape = ModelConfig(tokenizer.vocab_size + PADDED, 1, 32, 1, 1, 32, 32, 320)
    model = Transformer(shape).init_weights(0)
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.4)
    return Engine(model, frozen=True)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = train(iter(TEXTS * 3), TokenizerConfig(vocab_size=350))
    return made.with_conversation_tokens()


@pytest.fixture(scope="module")
def engine(tokenizer: Tokenizer) -> Engine:
    return tiny_engine(tokenizer)


@pytest.fixture(scope="module")
def grammars(tokenizer: Tokenizer, engine: Engine) -> Grammars:
    stops = (tokenizer.special("<|im_end|>"), tokenizer.document_token)
    return Grammars(tokenizer, engine.model.config.vocab_size, stops)


def hasty(tokenizer: Tokenizer) -> tuple[tuple[int, float], ...]:
    """A bias to whatever ends strings, lists and objects: else a poor model seldom comes there."""
    table = tokenizer.token_bytes
    return tuple((id, 3.0) for id, b in enumerate(table) if b and b[-1:] in b'"}]')


def written(
    engine: Engine,
    grammars: Grammars,
    start: GrammarConstraint,
    left: int | None = None,
    **more: Any,
) -> list[tuple[str, list[int], str]]:
    """Text, tokens and end of greedy and sampled rows, plain ones and hasty ones."""
    batch = engine.batch(tokenizer=grammars.tokenizer)
    prompt = [5, 6, 7]
    rows, ends = [], {}
    for temperature, bias in itertools.product((0.0, 1.0), ((), hasty(grammars.tokenizer))):
        how: dict[str, Any] = {"temperature": temperature, "logit_bias": bias}
        how |= {"max_new_tokens": NEW, "stop_tokens": grammars.stop_tokens} | more
        keys = row_keys([prompt], 3 if temperature else 1, 1)[0].tolist()
        limits = [start.again(left) for _ in keys]
        rows += batch.add(prompt, Sampling(**how), keys, constraints=limits)
    while batch.active:
        for event in batch.step(8):
            assert event.ended != "error", event.failure
            ends[event.row] = event.ended
    found = []
    for row in rows:
        completion = batch.completion(row)
        assert completion.text is not None
        found.append((completion.text, completion.tokens, str(ends[row])))
    return found


def check(schema: Mapping[str, Any], found: list[tuple[str, list[int], str]]) -> int:
    """How many ended by themselves; all are what the schema says, or begin like JSON."""
    whole = 0
    for text, _, ended in found:
        assert "\\ud8" not in text
        if ended == "stop":
            whole += 1
            value = json.loads(text)
            jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
            # No white space but one after a comma or a colon.
            outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
            assert not re.search(r"(?<![,:])\s|\s\s|[^\S ]", outside)
        else:
            assert ended == "length"
            cut = text.rstrip("\ufffd")  # a character that breaks off
            assert is_json_prefix(cut), cut
    return whole


STRINGS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "maxLength": 5},
    {"type": "string", "minLength": 2, "maxLength": 4},
    {"type": "string", "pattern": "^[a-c]{2,4}$"},
    {"type": "string", "pattern": "^(ab|é|北)+$"},
    {"const": 'a "quoted"\n\\ line'},
    {"enum": ["é", "北京", "🏳️‍🌈", "plain", 3, None, {"k": [1]}]},
    {"type": "string", "format": "date"},
]
NUMBERS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": -3, "maximum": 12},
    {"type": "integer", "exclusiveMinimum": 99, "maximum": 1000},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "number", "exclusiveMinimum": -2.5, "exclusiveMaximum": 2.5},
    {"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 500},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["integer", "null"], "maximum": 9},
    {"const": -0.5},
]
NAMES = st.sampled_from(["a", "b", "name", "北", 'q"', "$ref", "pattern"])


def lists_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bounds = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return st.builds(
        lambda items, b: {"type": "array", "items": items, "minItems": b[0], "maxItems": sum(b)},
        *(inner, bounds),
    )


def objects_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def made(properties: dict[str, Any], needed: list[bool], more: Any) -> dict[str, Any]:
        required = [name for name, need in zip(properties, needed) if need]
        schema = {"type": "object", "properties": properties, "required": required}
        return schema if more is None else schema | {"additionalProperties": more}

    return st.builds(
        made,
        st.dictionaries(NAMES, inner, max_size=4),
        st.lists(st.booleans(), min_size=4, max_size=4),
        st.one_of(st.none(), st.just(False), inner),
    )


LEAVES = st.sampled_from([*STRINGS, *NUMBERS])
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        lists_of(inner),
        objects_of(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        st.tuples(inner, lists_of(st.just({"$ref": "#/$defs/one"}))).map(
            lambda pair: {"$defs": {"one": pair[0]}, "type": "array", "prefixItems": [pair[1]]}
        ),
    ),
    max_leaves=6,
)


def rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """References are to the root's definitions: those within become its own."""
    found: dict[str, Any] = {}

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {name: moved(item) for name, item in value.items()}
        if "$defs" in value and "one" in value["$defs"]:
            name = f"d{len(found)}"
            found[name] = value.pop("$defs")["one"]
            value["prefixItems"][0]["items"] = {"$ref": f"#/$defs/{name}"}
        return value

    made: dict[str, Any] = moved(schema)
    return made | {"$defs": found} if found else made


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


@given(VALUES, st.booleans(), st.data())
def test_beginnings_are_known(value, plain, data):
    """The judge of texts that were cut, judged."""
    text = json.dumps(value, ensure_ascii=plain, allow_nan=False)
    assert all(is_json_prefix(text[:at]) for at in range(len(text) + 1))
    for wrong in (",,", "]]]]]]]]", "}x", "{1", "[: tru"):
        assert not is_json_prefix(wrong)
    at = data.draw(st.integers(0, len(text)))
    assert not is_json_prefix(text[:at] + "\n\x01" + text[at:])


@settings(max_examples=40)  # of eight rows, twice
@given(SCHEMAS.map(rooted))
def test_any_schema_is_kept_to(engine, grammars, schema):
    """And who knows when its tokens end comes to an end at least as often."""
    start = grammars.json_schema(schema)
    by_itself = check(schema, written(engine, grammars, start))
    assert check(schema, written(engine, grammars, start, left=NEW)) >= by_itself


@pytest.mark.parametrize("schema", [*STRINGS[1:], *NUMBERS], ids=json.dumps)
def test_each_kind_of_value_comes_to_its_end(engine, grammars, schema):
    assert check(schema, written(engine, grammars, grammars.json_schema(schema))) > 1


PERSON = {
    "type": "object",
    "title": "Person",
    "description": "what pydantic writes",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "kind": {"enum": ["é", "北京", "🏳️‍🌈"]},
        "home": {"$ref": "#/$defs/home"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
        "mail": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[a-z]+@[a-z]{2,5}$"}]},
    },
    "required": ["name", "age", "kind", "home"],
    "additionalProperties": False,
    "$defs": {"home": {"type": "object", "additionalProperties": {"type": "boolean"}}},
}


def test_a_nested_object_as_programs_ask_for_it(engine, grammars):
    start = grammars.json_schema(PERSON)
    assert check(PERSON, written(engine, grammars, start)) > 1
    led = written(engine, grammars, start, left=NEW)
    assert check(PERSON, led) == len(led)


def test_any_object(engine, grammars):
    found = written(engine, grammars, grammars.json_object())
    assert check({"type": "object"}, found) > 1
    assert len({text for text, _, _ in found}) > 3


@pytest.mark.parametrize("left", [3, 4, 9, 30])
def test_an_end_that_is_near_is_met(engine, grammars, left):
    start = grammars.json_object()
    found = written(engine, grammars, start, left=left, max_new_tokens=left)
    assert check({"type": "object"}, found) == len(found)
    assert all(len(tokens) <= left for _, tokens, _ in found)
    assert (len({text for text, _, _ in found}) > 1) is (left > 4)  # else there is but {}


def test_an_end_that_is_too_near_changes_nothing(engine, grammars):
    start = grammars.json_schema(PERSON)
    least = way_out(start.again(), grammars._order, 99)
    assert least is not None
    just = len(least) + 1  # with a stop token
    for _, tokens, ended in written(engine, grammars, start, left=just, max_new_tokens=just):
        assert (tokens[:-1], ended) == (least, "stop")
        assert tokens[-1] in grammars.stop_tokens
    free = written(engine, grammars, start, max_new_tokens=just - 1)
    assert written(engine, grammars, start, left=just - 1, max_new_tokens=just - 1) == free
    far = written(engine, grammars, start, max_new_tokens=40)
    assert written(engine, grammars, start, left=400, max_new_tokens=40) == far


def test_an_end_that_is_not_found_leaves_the_row_to_its_limit(engine, grammars):
    """The way out tries long words for ever."""
    schema = {"type": "string", "pattern": "^[a-z]*[A-Z]{9}$"}
    start = grammars.json_schema(schema)
    assert way_out(start.again(), grammars._order, 50) is None
    free = written(engine, grammars, start, max_new_tokens=7)
    assert check(schema, free) < len(free)
    assert written(engine, grammars, start, left=7, max_new_tokens=7) == free


def test_tool_calls_come_to_their_end(engine, grammars, tokenizer):
    start = grammars.tool_call(TOOLS, parallel=True)
    for _, tokens, ended in written(engine, grammars, start, left=NEW):
        assert ended == "stop"
        assert parse_reply(tokens[:-1], tokenizer).tool_calls
    none = Grammars(tokenizer, grammars.vocab_size, ())
    for text, _, ended in written(engine, none, none.json_object(), left=20):
        assert ended == "stop"
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_bias_brings_special_tokens_or_ids_without_a_token(engine, grammars, temperature):
    special = grammars.tokenizer.special_tokens.values()
    size = engine.model.config.vocab_size
    bias = tuple((id, 100.0) for id in [*special, *range(size - PADDED, size)])
    found = written(
        *(engine, grammars, grammars.json_object()), temperature=temperature, logit_bias=bias
    )
    check({"type": "object"}, found)
    for _, tokens, ended in found:
        kept = tokens[:-1] if ended == "stop" else tokens
        assert not set(kept) & {id for id, _ in bias}
        if ended == "stop":
            assert tokens[-1] in grammars.stop_tokens


def test_bytes_that_are_no_text_alone(grammars):
    """Characters written byte by byte, by a vocabulary that has little else."""
    tokenizer = byte_tokenizer()
    engine = tiny_engine(tokenizer)
    own = Grammars(tokenizer, engine.model.config.vocab_size, (tokenizer.document_token,))
    for schema in (STRINGS[4], STRINGS[6], {"type": "string", "minLength": 3, "maxLength": 6}):
        found = written(engine, own, own.json_schema(schema))
        assert check(schema, found) > 1
        assert any(max(text) > "\x7f" for text, _, _ in found)


def mask_after(start: GrammarConstraint, tokenizer: Tokenizer, text: str) -> list[int]:
    limit = start.again()
    for token in tokenizer.encode(text):
        limit.accept(token)
    mask = limit.allowed()
    assert mask is not None
    return np.flatnonzero(mask).tolist()


def test_only_stop_tokens_come_where_all_is_said(grammars, tokenizer):
    stops = sorted(grammars.stop_tokens)
    start = grammars.json_schema({"type": "object"})
    for text in ("{}", '{"a": [1,2]}'):
        assert mask_after(start, tokenizer, text) == stops
    assert not set(mask_after(start, tokenizer, '{"a": 1')) & set(stops)
    number = grammars.json_schema({"type": "integer"})
    assert set(mask_after(number, tokenizer, "12")) > set(stops)  # it may go on
    none = Grammars(tokenizer, grammars.vocab_size, ())
    assert mask_after(none.json_object(), tokenizer, "{}") == []  # the row ends there


def test_what_follows_a_stop_token_is_free(grammars, tokenizer):
    limit = grammars.json_object()
    for token in (*tokenizer.encode("{}"), grammars.stop_tokens[0]):
        limit.accept(token)
    assert limit.complete
    assert limit.allowed() is None
    limit.accept(7)
    assert limit.allowed() is None


def test_each_row_stands_where_it_stands(grammars, tokenizer):
    first = grammars.json_object()
    for token in tokenizer.encode('{"a'):
        first.accept(token)
    other, again = grammars.json_object(), first.again()
    for limit in (other, again):
        mask = limit.allowed()
        assert mask is not None
        assert {bytes(tokenizer.token_bytes[id])[:1] for id in np.flatnonzero(mask)} == {b"{"}
    assert not first.complete


def test_a_token_that_was_not_allowed_is_an_error(grammars, tokenizer):
    limit = grammars.json_object()
    with pytest.raises(RuntimeError):
        limit.accept(tokenizer.encode("x")[0])


TOOLS: dict[str, Any] = {
    "add": {
        "type": "object",
        "properties": {"a": {"type": "integer", "maximum": 9, "minimum": 0}, "b": {"enum": [1, 2]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "now": None,
    "find_it": {
        "type": "object",
        "properties": {"q": {"$ref": "#/$defs/q"}},
        "required": ["q"],
        "$defs": {"q": {"type": "string", "maxLength": 4}},
        "additionalProperties": False,
    },
}


@pytest.mark.parametrize("parallel", [False, True])
def test_tool_calls_are_calls_of_these_tools(engine, grammars, parallel):
    found = written(engine, grammars, grammars.tool_call(TOOLS, parallel=parallel))
    names = set()
    for text, tokens, ended in found:
        assert text.startswith("<tool_call>\n{")
        if ended != "stop":
            continue
        said = parse_reply(tokens[:-1], grammars.tokenizer)
        assert said.content == ""
        assert parallel or len(said.tool_calls) == 1
        for call in said.tool_calls:
            names.add(call.name)
            schema = TOOLS[call.name] or {"const": {}}
            jsonschema.validate(json.loads(call.arguments), schema)
    assert names <= set(TOOLS)
    assert len(names) > 1


def test_one_named_tool_and_odd_names(engine, grammars):
    odd = 'say "it"\\ 北'
    for text, _, ended in written(engine, grammars, grammars.tool_call({odd: None})):
        assert ended == "stop"
        assert json.loads(text[len("<tool_call>") : -len("</tool_call>")]) == {
            "name": odd,
            "arguments": {},
        }


def test_the_number_of_calls_is_bounded(engine, grammars, tokenizer):
    """A model that would call for ever ends its turn."""
    few = Grammars(tokenizer, grammars.vocab_size, grammars.stop_tokens, GrammarLimits(max_calls=3))
    bias = tuple((id, -100.0) for id in few.stop_tokens)
    start = few.tool_call({"now": None}, parallel=True)
    for _, tokens, ended in written(engine, few, start, logit_bias=bias, max_new_tokens=200):
        assert ended == "stop"
        assert len(parse_reply(tokens[:-1], tokenizer).tool_calls) == 3


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "strin"),
        ({"not": {"type": "string"}}, "not"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"type": "string", "format": "odd"}, "odd"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "string", "pattern": "("}, "unclosed"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "'a' is unsatisfiable"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "3"),
        ({"$ref": "#"}, "nothing meets it"),
        ({"$ref": "#/$defs/none"}, "none"),
        ({"$ref": "https://example.org/schema"}, r"\$\.\$ref.*not in the schema"),
        ({"type": "object", "properties": {"a": {"$ref": "file:///etc/hosts"}}}, r"a\.\$ref"),
    ],
)
def test_what_cannot_be_kept_to_is_named(grammars, schema, said):
    with pytest.raises(UserError, match=said) as error:
        grammars.json_schema(schema)
    assert "\n" not in str(error.value)
    assert "%json" not in str(error.value)


def test_settings_of_the_library_are_not_the_requests(grammars, tokenizer):
    loose = {"whitespace_flexible": True, "whitespace_pattern": " +", "lenient": True}
    start = grammars.json_schema({"type": "object", "x-guidance": loose})
    assert tokenizer.encode("\n")[0] not in mask_after(start, tokenizer, "{")
    with pytest.raises(UserError, match="not"):
        grammars.json_schema({"not": {}, "x-guidance": loose})


def test_bad_tools_are_named(grammars):
    with pytest.raises(UserError, match="0 tools"):
        grammars.tool_call({})
    with pytest.raises(UserError, match="129 tools"):
        grammars.tool_call({f"t{n}": None for n in range(129)})
    with pytest.raises(UserError, match="tool 'b': parameters are of type 'string'"):
        grammars.tool_call({"a": None, "b": {"type": "string"}})
    with pytest.raises(UserError, match=r"tool .b.: schema: .*above 1000"):
        grammars.tool_call({"b": {"type": "object", "maxProperties": 10**6}})


def test_a_tokenizer_without_tags_calls_no_tools():
    own = Grammars(byte_tokenizer(), 270, (0,))
    with pytest.raises(UserError, match="<tool_call>"):
        own.tool_call({"now": None})


def test_a_grammar_is_compiled_once_while_it_is_kept(grammars, tokenizer, monkeypatch):
    compiled: list[str] = []
    true = llguidance.LLMatcher

    def counted(tokenizer: Any, grammar: str, **more: Any) -> Any:
        compiled.append(grammar)
        return true(tokenizer, grammar, **more)

    monkeypatch.setattr(module, "LLMatcher", counted)
    own = Grammars(tokenizer, grammars.vocab_size, (0,), GrammarLimits(max_kept=2))
    schemas = [{"type": "integer", "maximum": n} for n in range(3)]
    for number in (0, 1, 0, 2, 0, 1):
        own.json_schema(schemas[number])
    assert len(compiled) == 4  # the second, unused for longest, was forgotten for the third
    assert len(own._kept) == 2


def test_many_threads_may_ask_at_once(grammars):
    """As handlers do, each in a thread of its own."""
    found: list[bool] = []

    def ask(number: int) -> None:
        for _ in range(5):
            limit = grammars.json_schema({"type": "integer", "maximum": number % 3})
            mask = limit.allowed()
            found.append(mask is not None and bool(mask.any()))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 40
