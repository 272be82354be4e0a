"""A reply as it is sampled: text that can be shown at once, and at the end the calls of tools.

In: a row's sampled tokens as they come. Out: pieces of text in whole characters, none of which is
taken back later, and when the row has ended what is left of the text and the calls. Joined they are
`conversation.parse_reply` of all tokens. A reply that this can't read (a call that is no JSON, text
after a call) is text alone, in which control tokens are left out, as in `tools.tool_batch`; so from
a call's first token on nothing is shown until the call can be read or can't be any more.
"""

import codecs
import dataclasses
from collections import deque
from collections.abc import Sequence

from pipeline.chat.conversation import parse_reply
from pipeline.chat.layout import CALL, CALL_END
from pipeline.chat.messages import ToolCall
from pipeline.model.stop_strings import StopStringFinder, as_bytes
from pipeline.serve.held_calls import CallPart, HeldCalls
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class ReplyEnd:
    """What is known once a reply has ended.

    Args:
        text: the last piece of its text.
        calls: of tools, without ids; none where a grammar holds them: see `call_parts`.
        unreadable: whether it holds control tokens where none can be, as calls that are no JSON.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    unreadable: bool = False


class ReplyStream:
    """One reply under way.

    Args:
        tokenizer: of the model, with conversation tokens.
        stop_tokens: that end the reply and are no part of its text.
        stop_strings: texts that end it; neither they nor what follows is shown.
        reads_calls: whether control tokens mean something; else their names are text, as
            `chat.streaming` writes them: a request that states no tools is answered by text.
        counts: whether `text_tokens` is going to be asked for.
        held: whether a grammar holds the calls.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        stop_tokens: Sequence[int],
        stop_strings: Sequence[str] = (),
        reads_calls: bool = True,
        counts: bool = False,
        held: bool = False,
    ) -> None:
        self.tokenizer, self.reads_calls, self.counts = tokenizer, reads_calls, counts
        known = tokenizer.special_tokens
        named = {known[name]: name for name in CONVERSATION_TOKENS if name in known}
        self._controls = named if reads_calls else {}
        self._stops = frozenset(stop_tokens)
        self._marks = self._stops.union(self._controls)
        self._finder = StopStringFinder(as_bytes(stop_strings), tokenizer)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._given = 0  # bytes of text that the decoder has got
        self._kept = ""  # a line break that may belong to a call
        self._calls: list[int] = []  # tokens from the first call on
        self._content_bytes = -1  # of the text before the first call; -1: there is none
        self._text_bytes = -1  # up to the stop string; -1: none has come
        self._held = HeldCalls() if held and reads_calls else None
        self._tags: deque[tuple[int, bool]] = deque()  # bytes before a call's tags; whether it ends
        self._dropped: str | None = (
            None  # of the text, since calls follow; None: it isn't shown yet
        )
        self._unreadable = self._over = False
        self._came = 0  # tokens
        self._text_tokens: list[int] = []  # places of tokens that are text, since last asked for
        self._call_tokens: list[int] = []  # … of those that are text if the calls can't be read

    def push(self, tokens: Sequence[int]) -> str:
        """Take tokens; what can be shown of them and those before."""
        at = 0
        while at < len(tokens) and not self._over:
            end = len(tokens)
            if not self._marks.isdisjoint(tokens[at:]):
                end = next(n for n in range(at, end) if tokens[n] in self._marks)
            if end > at:
                self._take_text(tokens[at:end], self._came + at)
            if end < len(tokens) and not self._over:
                self._take_mark(tokens[end])
            at = end + 1
        self._came += len(tokens)
        end = self._text_bytes
        if end < 0:
            end = len(self._finder.text) - self._finder.held_back()
        if self._content_bytes < 0 or self._unreadable:
            return self._show(end)
        return "" if self._held is None else self._show_held(self._held, end)

    def call_parts(self) -> list[CallPart]:
        """What has become known of calls that a grammar holds since this was asked."""
        return [] if self._held is None else self._held.parts()

    def text_tokens(self) -> list[int]:
        """Which of the tokens, counted from 0, have turned out to be text since this was asked."""
        if self._unreadable:
            self._text_tokens += self._call_tokens
            self._call_tokens = []
        found, self._text_tokens = self._text_tokens, []
        return found

    def finish(self, as_text: bool = False) -> ReplyEnd:
        """What is left when no more tokens come.

        Args:
            as_text: calls are text, whether they can be read or not: nobody will answer them.
        """
        self._over = True
        end = len(self._finder.text) if self._text_bytes < 0 else self._text_bytes
        calls: tuple[ToolCall, ...] = ()
        if self._held is not None and self._content_bytes >= 0 and not self._unreadable:
            return self._finish_held(self._held, end)
        if self._content_bytes >= 0 and not self._unreadable:
            is_cut = as_text or self._text_bytes >= 0
            found = None if is_cut else self._read(self._calls)
            if found is None:
                self._unreadable = True
            else:
                calls, end = found, self._content_bytes
        text = self._show(end, final=True)
        return ReplyEnd(text.removesuffix("\n") if calls else text, calls, self._unreadable)

    def _take_text(self, tokens: Sequence[int], place: int) -> None:
        """Tokens that are no control token, the first of which is the reply's `place`-th."""
        before = len(self._finder.ends)
        found = self._finder.find(tokens)
        if found is not None:
            self._text_bytes, self._over = found[1], True
            tokens = tokens[: found[0] - before]
        in_call = self._content_bytes >= 0 and not self._unreadable
        if in_call:
            self._calls += tokens
        if self.counts:
            places = range(place, place + len(tokens))
            (self._call_tokens if in_call else self._text_tokens).extend(places)

    def _take_mark(self, token: int) -> None:
        """A stop token or control token."""
        if token in self._stops:
            self._over = True
        elif self._unreadable:
            return
        elif self._content_bytes >= 0:  # what stands before it is whole: can it be read so far?
            self._calls.append(token)
            self._tags.append((len(self._finder.text), self._controls[token] == CALL_END))
            # A grammar has no other tags.
            self._unreadable = self._held is None and self._is_hopeless()
        elif self._controls[token] == CALL:
            self._calls.append(token)
            self._content_bytes = len(self._finder.text)
            self._tags.append((self._content_bytes, False))
        else:
            self._unreadable = True

    def _is_hopeless(self) -> bool:
        """Whether the calls up to a control token can't be read, whatever follows."""
        name = self._controls[self._calls[-1]]
        if name not in (CALL, CALL_END):
            return True
        return self._read(self._calls if name == CALL_END else self._calls[:-1]) is None

    def _read(self, tokens: Sequence[int]) -> tuple[ToolCall, ...] | None:
        try:
            return parse_reply(tokens, self.tokenizer).tool_calls
        except UserError:
            return None

    def _show_held(self, held: HeldCalls, end: int) -> str:
        """What is left of the text before the calls, and the calls up to a byte."""
        text = ""
        if self._dropped is None:
            if end < self._content_bytes:
                return self._show(end)
            text = self._show(self._content_bytes, final=True)
            self._dropped = "\n" if text.endswith("\n") else ""  # no content where a call follows
            text = text.removesuffix("\n")
        while self._tags and self._tags[0][0] <= end:
            place, ends = self._tags.popleft()
            self._hand(held, place)
            if ends:
                held.close()
            else:
                held.open()
        self._hand(held, end)
        return text

    def _finish_held(self, held: HeldCalls, end: int) -> ReplyEnd:
        text = self._show_held(held, end)
        held.cut()
        if held.begun:
            return ReplyEnd(text)
        self._unreadable = True  # it ended before a name was known: all is text
        if self._dropped is not None:
            self._given, self._kept = self._content_bytes, self._dropped
        return ReplyEnd(text + self._show(end, final=True), (), unreadable=True)

    def _hand(self, held: HeldCalls, end: int) -> None:
        if end > self._given:
            held.push(bytes(self._finder.text[self._given : end]))
            self._given = end

    def _show(self, end: int, final: bool = False) -> str:
        """The text up to a byte, but for what was shown before and a last part of a character."""
        new = bytes(self._finder.text[self._given : end])
        piece = self._kept + self._decoder.decode(new, final)
        self._given, self._kept = max(end, self._given), ""
        waits = self.reads_calls and not final and not self._unreadable
        if waits and piece.endswith("\n"):  # which is no content where a call follows
            piece, self._kept = piece[:-1], "\n"
        return piece
