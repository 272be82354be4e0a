"""A program whose last expression shows its value, made without parsing the program here.

Python's parser can be brought down by a text (its stack is C's), so text of others isn't parsed in
this process: it is cut into tokens, and whoever runs the program finds out whether what stands last
is an expression.
"""

import io
import tokenize

VALUE = "_value_"
_SKIPPED = (tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.ENDMARKER)


def shown(program: str, value_characters: int) -> str | None:
    """The program whose value is the text of its last expression's value, as Python shows it.

    Where the last statement is no expression this is no program: then there is nothing to show.

    Returns:
        None where that can be seen at once.
    """
    program = program.replace("\r\n", "\n").replace("\r", "\n")
    start = _last_start(program)
    if start is None:
        return None
    head, tail = program[:start], program[start:]
    return (
        f"{head}{VALUE} = ({tail}\n)\n"
        f"None if {VALUE} is None else f'{{{VALUE}!r}}'[:{value_characters}]"
    )


def _last_start(program: str) -> int | None:
    """Where the last statement begins that is in no block."""
    starts = [0]
    for line in program.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    last: tuple[int, int] | None = None
    depth = brackets = 0
    begins = True
    try:
        for token in tokenize.generate_tokens(io.StringIO(program).readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
            elif token.type == tokenize.NEWLINE:
                begins = True
            elif token.type not in _SKIPPED:
                if begins and depth == 0:
                    last = token.start
                begins = token.string == ";" and brackets == 0
                brackets += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return None if last is None else starts[last[0] - 1] + last[1]
