"""A conversation at the keyboard: lines in, answers as they are written, slash commands between.

Ctrl-C ends an answer, what was said of it stays; at the prompt it ends the conversation, as Ctrl-D
does. An answer that can't be had is one line, and the conversation goes on as if the question had
not been asked.
"""

from flows.cli import output
from flows.cli.line_editor import LineEditor, history_file
from flows.cli.shown_turn import complain, show_turn, text_of
from flows.cli.slash_commands import COMMANDS, LITERAL, Done, Talk, is_command, obey
from flows.cli.voice import Said, SamplingOptions, Voice
from pipeline.chat.messages import assistant, user
from storage.errors import UserError

PROMPT = "you> "


def talk(voice: Voice, options: SamplingOptions, system: str = "", *, keep: bool = True) -> int:
    """Talk until the end of input.

    Args:
        voice: answers.
        options: of its sampling, to begin with.
        system: the system message; "" = none.
        keep: whether what is typed is kept for the next session.

    Returns:
        The exit code.
    """
    under_way = Talk(voice, options, system)
    editor = LineEditor(history_file() if keep else None, list(COMMANDS))
    print("Talk to it. /help lists commands, /new starts over; Ctrl-D ends.")
    while True:
        try:
            line = editor.read(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return 0
        if not line:
            continue
        before = under_way.said
        try:
            if not is_command(line):
                asked = user(line.removeprefix(LITERAL))
                under_way.said, under_way.tries = [*before, asked], 0
                done = Done(speak=True)
            else:
                done = obey(line, under_way)
            if done.shown:
                output.said(done.shown)
            if done.speak:
                _answer(under_way)
        except UserError as error:
            under_way.said = before
            complain(error)
            continue
        if done.over:
            return 0


def _answer(under_way: Talk) -> None:
    """Let the model answer the last message; what Ctrl-C cuts off is an answer.

    Raises:
        UserError: there is none.
    """
    asked = under_way.messages
    output.said(f"{under_way.voice.name}> ", end="")
    said: list[Said] = []
    try:
        whole = show_turn(under_way.voice.reply(asked, under_way.sampling), said)
        under_way.said = whole[len(asked) - len(under_way.said) :]
    except UserError:
        print(flush=True)
        raise
    except KeyboardInterrupt:
        print()
        under_way.said = [*under_way.said, assistant(text_of(said))]
