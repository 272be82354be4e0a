"""Programs give what they print and show, the same by both back-ends; their limits hold."""

import json
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from pipeline.chat.messages import ToolCall
from pipeline.tools.config import BACKENDS, PythonConfig, ToolLimits
from pipeline.tools.python_tool import ForkServers, python_tool
from pipeline.tools.tool import Tool, ToolFault, ToolOutput
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError

LIMITS = ToolLimits(seconds=20, memory_mib=64, output_bytes=512)
Run = Callable[[str], ToolOutput]


def made(config: PythonConfig) -> Tool:
    try:
        return python_tool(config)
    except UserError as error:
        if config.backend == "monty":  # which is installed with the project
            raise
        pytest.skip(str(error))


def call_of(program: str) -> ToolCall:
    return ToolCall("python", json.dumps({"code": program}))


@pytest.fixture(scope="module", params=BACKENDS)
def box(request: pytest.FixtureRequest) -> Iterator[Toolbox]:
    with Toolbox((made(PythonConfig(request.param, processes=2, limits=LIMITS)),)) as found:
        yield found


@pytest.fixture
def run(box: Toolbox) -> Run:
    return lambda program: box.answer(call_of(program))


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("1 + 1", "2"),
        ("print('a')", "a"),
        ("print('a', end='')\n3", "a\n3"),
        ("print('a')\nprint('b')\n'c'", "a\nb\n'c'"),
        ("x = 3", "(no output)"),
        ("", "(no output)"),
        ("None", "(no output)"),
        ("def f(n):\n    return n * 2\n[f(n) for n in range(3)]", "[0, 2, 4]"),
        ("import math\nmath.factorial(20)", "2432902008176640000"),
        ("from datetime import date\n(date(2024, 3, 1) - date(2024, 2, 1)).days", "29"),
        ("import json\njson.loads('{\"a\": [1, 2]}')['a']", "[1, 2]"),
        ("import re\nre.findall(r'\\d+', 'a1b22')", "['1', '22']"),
        ("import random\nrandom.random()", "0.8444218515250481"),
        ("'grün 漢字'", "'grün 漢字'"),
        ("class A:\n    def __repr__(self): return 'an A'\nA()", "an A"),
        ("x = []\nx.append(x)\nx", "[[...]]"),
        ("sum(n * n for n in range(1000))", "332833500"),
    ],
)
def test_what_programs_give(program: str, text: str, run: Run) -> None:
    output = run(program)
    assert (output.text, output.ending) == (text, "done")


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("1 / 0", "Error: ZeroDivisionError: division by zero (line 1)"),
        ("print('a')\n\n1 / 0", "a\nError: ZeroDivisionError: division by zero (line 3)"),
        ("print('a', end='')\nraise ValueError('no')", "a\nError: ValueError: no (line 2)"),
        ("def f():\n    return [][1]\nf()", "(line 2)"),
        ("x = (", "Error: SyntaxError: "),
        ("nobody", "Error: NameError: name 'nobody' is not defined (line 1)"),
        ("import numpy", "No module named 'numpy' (line 1)"),
        ("def f(): return f()\nf()", "Error: RecursionError: maximum recursion depth exceeded"),
        ("2 ** 100_000", "Error: ValueError: Exceeds the limit (4300 digits)"),
        ("raise ValueError('x' * 100_000)", "bytes left out"),
    ],
)
def test_errors_are_told_in_a_line(program: str, text: str, run: Run) -> None:
    output = run(program)
    assert text in output.text
    assert output.ending == "error"
    assert len(output.text.encode()) < 700
    assert "Traceback" not in output.text


@pytest.mark.parametrize(
    "program",
    [
        "bytes(10 ** 9)",
        "'x' * 10 ** 9",
        "x = []\nwhile True: x.append('%d' % len(x) * 10_000)",
    ],
)
def test_memory_has_a_limit(program: str, run: Run) -> None:
    output = run(program)
    assert output.text == "Error: MemoryError: the program may take 64 MiB"
    assert output.ending == "limit"


def test_there_is_memory_for_what_is_allowed(run: Run) -> None:
    assert run("x = bytes(30 << 20)\nlen(x)").text == str(30 << 20)


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_has_a_limit_and_what_was_printed_stays(backend: str) -> None:
    limits = ToolLimits(seconds=0.5)
    with Toolbox((made(PythonConfig(backend, processes=1, limits=limits)),)) as box:
        output = box.answer(call_of("print('here')\nwhile True: pass"))
        assert output == ToolOutput("here\nError: stopped after 0.5 seconds", "limit")


def test_output_has_a_limit_and_keeps_its_ends(run: Run) -> None:
    output = run("for n in range(10_000): print(n)\n'end'")
    assert output.ending == "done"
    assert output.text.startswith("0\n1\n2\n")
    assert output.text.endswith("9999\n'end'")
    assert "bytes left out" in output.text
    assert len(output.text.encode()) < 700


def test_a_large_program_arrives_whole(run: Run) -> None:
    """Larger than a pipe without its reader would take, were it handed over at once."""
    limits = ToolLimits(seconds=20, argument_bytes=1_000_000)
    for backend in BACKENDS:
        with Toolbox((made(PythonConfig(backend, processes=1, limits=limits)),)) as box:
            output = box.answer(call_of("'''" + "x" * 300_000 + "'''[-3:]"))
            assert output.text == "'xxx'"


def test_a_batch_runs_side_by_side_in_order(box: Toolbox) -> None:
    programs = [f"print({n})\n{n} * 2" for n in range(60)]
    programs[10] = "1 / 0"
    programs[20] = "import os; os._exit(1)"
    programs[30] = "while"
    outputs = box.answer_all([call_of(program) for program in programs], threads=6)
    for number, output in enumerate(outputs):
        if number in (10, 20, 30):
            assert output.ending == "error", output
        else:
            assert output.text == f"{number}\n{number * 2}"


def test_sets_and_chance_are_the_same_in_every_process() -> None:
    """Another process and another start: what a program gives is the same."""
    program = "import random\nprint(random.random())\nprint(list({'a', 'b', 'c', 'd', 'e'}))"
    for backend in BACKENDS:
        said = set()
        for _ in range(3):
            with Toolbox((made(PythonConfig(backend, processes=1)),)) as box:
                said |= {box.answer(call_of(program)).text for _ in range(2)}
        assert len(said) == 1, said


def test_chance_is_the_configs() -> None:
    for backend in BACKENDS:
        with Toolbox((made(PythonConfig(backend, processes=1, seed=7)),)) as box:
            assert (
                box.answer(call_of("import random\nrandom.random()")).text == "0.32383276483316237"
            )


def test_processes_end_with_the_tool() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("forks behind layers are Linux's")
    servers = ForkServers(PythonConfig("cpython"), 2)
    (server,) = servers._started
    pid = server._process.pid
    servers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_lost_process_is_replaced() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("forks behind layers are Linux's")
    servers = ForkServers(PythonConfig("cpython"), 1)
    (lost,) = servers._started
    lost._process.kill()
    with pytest.raises(ToolFault):
        servers.run("1")
    assert servers._started == []
    assert lost._process.returncode is not None
    assert servers.run("1").value == "1"
    servers.close()


def test_a_fork_of_the_owner_gets_an_error_and_not_the_owners_answers(box: Toolbox) -> None:
    says, said = os.pipe()
    if (child := os.fork()) == 0:
        output = box.answer(call_of("1 + 1"))
        os.write(said, f"{output.ending} {output.text}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(says, 999).decode().startswith("fault Error: the sandbox belongs to the process")
    os.close(says)
    os.close(said)
    assert box.answer(call_of("1 + 1")).text == "2"
