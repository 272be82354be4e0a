"""Schemas made to cost much: refused, or followed within the limits; never an abort or much memory.

In a process of its own, for a stack that overflows in Rust ends the process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_SECONDS

HERE = Path(__file__).parents[3]
PROGRAM = """
import json, random, resource, string, sys
import numpy as np
from random_models import byte_tokenizer
from pipeline.serve.grammars import Grammars
from storage.errors import UserError

if sys.platform == "linux":  # reserved, not used: threads and libraries reserve much
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

def chain(count, made):
    names = {f"{kind}{n}": made(n + 1) for n in range(count) for kind in "ab"}
    ends = {f"a{count}": {"type": "object"}, f"b{count}": {"type": "object", "title": "x"}}
    return {"$defs": names | ends, "$ref": "#/$defs/a0"}

def pair(n):
    return [{"$ref": f"#/$defs/a{n}"}, {"$ref": f"#/$defs/b{n}"}]

def options(count, wide):
    return [{"anyOf": [{"type": "object", "properties": {f"p{i}_{j}": {"type": "null"}}}
             for j in range(wide)]} for i in range(count)]

text = {"type": "string"}
deep = text
for _ in range(22):
    deep = {"type": "array", "items": deep}
SCHEMAS = {
    "itself": {"$ref": "#"},
    "each other": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
                   "$ref": "#/$defs/a"},
    "itself and more": {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, text]}},
                        "$ref": "#/$defs/a"},
    "endless": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "ambiguous": {"type": "array", "items": {"anyOf": [{"type": "array", "items": {"$ref": "#"}},
                  {"$ref": "#"}, {"type": "array"}]}},
    "doubling all": chain(20, lambda n: {"allOf": pair(n)}),
    "doubling any": chain(20, lambda n: {"anyOf": [*pair(n), {"type": "array", "items": {}}]}),
    "combinations": {"allOf": options(5, 4)},
    "more combinations": {"allOf": options(12, 4)},
    "deep": deep,
    "repeats": {"type": "string", "pattern": "^((a{1,9}b){1,10}c){1,10}$"},
    "states": {"type": "string", "pattern": "a.{900}b"},
    "states together": {"type": "string", "pattern": "^(.*a){30}[^z]*$"},
    "classes": {"type": "string", "pattern": r"^[\\p{L}\\p{N}]{900}$"},
    "intersections": {"allOf": [{"type": "string", "pattern": f"{c}.{{{50 + i}}}{c}"}
                      for i, c in enumerate("abcdefgh")]},
    "patterns of names": {"type": "object", "patternProperties":
                          {f"^{c}.{{50}}{c}": text for c in string.ascii_lowercase}},
    "values": {"enum": [f"value {n} of many " * 5 for n in range(1000)]},
    "names": {"type": "object", "properties": {f"p{n}": text for n in range(3000)}},
    "needed names": {"type": "object", "properties": {f"p{n}": text for n in range(3000)},
                     "required": [f"p{n}" for n in range(3000)]},
    "a long value": {"const": "a" * 100_000},
    "long lists": {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 999,
                   "items": {"type": "array", "minItems": 1000, "items": {"type": "integer"}}}},
    "multiples": {"type": "integer", "multipleOf": 9973 * 9967, "minimum": 1, "maximum": 10**15},
    "long names": {"type": "object", "minProperties": 900, "additionalProperties":
                   {"type": "string", "minLength": 999}},
}
tokenizer = byte_tokenizer()
grammars = Grammars(tokenizer, 300, (0,))
letters = {tokenizer.encode(c)[0] for c in "ab"}
for name, schema in SCHEMAS.items():
    print(name, end=": ", flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rng, made = random.Random(0), 0
    try:
        row = grammars.json_schema(schema)
        for made in range(400):
            mask = row.allowed()
            ids = [] if mask is None else np.flatnonzero(mask).tolist()
            if not ids:
                break
            liked = [id for id in ids if id in letters] if rng.random() < 0.8 else []
            row.accept(rng.choice(liked or ids))
    except UserError as error:
        print("refused", error, end=" ")
    except RuntimeError as error:  # which ends its row
        print("ended", error, end=" ")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(made, f"{grown:.0f} MB", flush=True)
    if sys.platform == "linux" and grown > 200:
        sys.exit(f"{name} takes {grown:.0f} MB")
print("all done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks for its memory by getrusage")
def test_schemas_made_to_cost_much() -> None:
    paths = [str(HERE), str(HERE / "tests" / "helpers"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.endswith("all done\n")
