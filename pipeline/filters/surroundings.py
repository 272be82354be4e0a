"""The text around a number: evidence for and against what its format suggests.

One number in ten has a right check digit by chance, and pages have far more prices, years,
references and serial numbers than telephone or card numbers. So the finders of personal data ask
here: is the number named, and as what; is it part of an address, a path or a reference; is it in a
row of other numbers? Only short stretches around candidates are looked at.
"""

import re

from pipeline.filters.persons import is_address_line, person_before

_NAME_CHARACTERS = 48  # how far back a number's name is looked for
_AFTER_CHARACTERS = 24  # and how far after it, in brackets
_TOKEN_CHARACTERS = 256  # how much of an address is looked at
# What ends the reach of a name: another number, or a sentence's end.
_REACH_END = re.compile(r"\d[\d .,/-]{3,}\d|[!?。！？]|[^\W\d_A-Z]{4}\.\s+(?=[A-ZÄÖÜÉ])")
_CAMEL = re.compile(r"(?<=[a-z][a-z])(?=[A-Z][a-z])")  # a field's name: "mobilePhone"
_TOKEN_END = re.compile(r"[\s<>\"'`|()\[\]{}，。；：、（）「」]")
_ADDRESS = re.compile(r"://|/|\\|\b10\.\d{4,9}|[?&][\w.-]+=|\bdoi\b|\bwww\.", re.IGNORECASE)
_MAKES_CALLS = re.compile(
    r"(?:wa\.me/|api\.whatsapp\.com/\S*=|callto:|sms:|tel:)\+?$", re.IGNORECASE
)
# Words for numbers of other kinds; long ones also as parts of longer words ("Bestellnummer",
# "invoice_no").
OTHER_NUMBERS = re.compile(
    r"(?:isbn|issn|ismn|\bean|\bupc\b|\bgtin|barcode|\bdoi\b|\bpmid|\bpmc|arxiv|oclc|\blccn"
    r"|\basin\b"
    r"|\brfc\b|\bcve\b|\bpatent|\bcas\b|\bimei|\bmac\b|\bserial|\bseriennummer|\bs/n\b|\bsku\b"
    r"|\bpart\b"
    r"|\bitem\b|\barticle\b|\bartikel|\bmodel|\border|\bbestell|\binvoice|\brechnung|\bfacture"
    r"|\bfactura"
    r"|\bticket|\bbug\b|\bissue\b|\bcase\b|\bdocket|\btracking|\bsendung|\blot\b|\bbatch"
    r"|\brevision|\brev\b"
    r"|\bcommit|\bbuild\b|\bversion|\brelease|\bsha\d*\b|\bmd5\b|\bcrc\d*\b|\buuid|\bguid|\bhash"
    r"|\bchecksum"
    r"|\btimestamp|\bepoch|\bpid\b|\btid\b|\boffset|\baddr\b|\bport\b|\bbytes?\b|\bpopulation"
    r"|\bvol(?:ume|\.)"
    r"|\bpages?\b|\bpp?\.|\bgrant\b|\baward\b|\bcontract\b|\bregistration|\bhandelsregister|\bhrb\b"
    r"|\bvat\b|\bust-?id|\bsiret|\bsiren\b|\bcnpj|\bein\b|\babn\b|\bacn\b|\bduns\b|\bzip\b"
    r"|\bpostcode"
    r"|\bplz\b|\bcoordinates?|\blat(?:itude)?\b|\blon(?:gitude)?\b|\blng\b|\bdate\b|\bclause|\bsection|\bdfars?\b|\bfar\b|\bids?\b"
    r"|_id\b)",
    re.IGNORECASE,
)


def before(text: str, start: int) -> str:
    """The text that may name a number: its line before it, or the line above if that is empty.

    In a table with a header (CSV, columns of tabs or bars) the column's name is put in front.
    """
    said = text[max(0, start - _NAME_CHARACTERS) : start].replace("_", " ")
    said = _CAMEL.sub(" ", said)
    line = said.rpartition("\n")
    if line[2].strip(" \t:|>*-([{\"'"):
        said = line[2]
    ends = [match.end() for match in _REACH_END.finditer(said)]
    said = said[ends[-1] :] if ends else said
    if any(map(str.isalpha, _CELL_START.split(said)[-1])):
        return said
    column = column_name(text, start)
    return f"{column}: " if column else said


_TABLE_CHARACTERS = 2_000  # how far above a number its table's header is looked for
_DELIMITERS = ",;\t|"
_CELL_START = re.compile(f"[{_DELIMITERS}]")
_HEADER_CHARACTERS = 30  # of a column's name


def column_name(text: str, start: int) -> str:
    """The header of the number's column: its field in the first line of the block of lines.

    "" if lines have no delimiters, or the header has another number of fields.
    """
    block = text[max(0, start - _TABLE_CHARACTERS) : start].rpartition("\n\n")[2]
    lines = block.split("\n")
    for delimiter in _DELIMITERS:
        column = lines[-1].count(delimiter)
        fields = lines[0].split(delimiter)
        is_header = not any(map(str.isdigit, lines[0]))
        is_header = is_header and max(map(len, fields)) <= _HEADER_CHARACTERS
        if len(lines) > 1 and column and column < len(fields) and is_header:
            return fields[column].strip(" \"'").replace("_", " ")
    return ""


def after(text: str, stop: int) -> str:
    """The text in brackets directly after a number: "36574261809 (Steuer-ID)"."""
    said = text[stop : stop + _AFTER_CHARACTERS].lstrip(" \u00a0,\"'")
    return said.partition("\n")[0] if said[:1] in ("(", "（", "[") else ""


def is_named(text: str, start: int, stop: int, names: re.Pattern[str]) -> bool:
    """Whether the number has one of these names, and no other name nearer to it."""
    said = before(text, start)
    name_end = max((name.end() for name in names.finditer(said)), default=-1)
    if name_end < 0:
        return bool(names.search(after(text, stop)))
    return OTHER_NUMBERS.search(said, name_end) is None


def is_other(text: str, start: int) -> bool:
    """Whether the number is named as one of another kind: an ISBN, an order, a version."""
    return OTHER_NUMBERS.search(before(text, start)) is not None


def token_before(text: str, start: int) -> str:
    """The text before, up to the nearest white space or bracket."""
    said = text[max(0, start - _TOKEN_CHARACTERS) : start]
    return said[max((sign.end() for sign in _TOKEN_END.finditer(said)), default=0) :]


def is_in_address(text: str, start: int) -> bool:
    """Whether the number is part of a URL, a path or a DOI; a link that dials a number is none."""
    token = token_before(text, start)
    return bool(_ADDRESS.search(token)) and not _MAKES_CALLS.search(token)


def is_dialled(text: str, start: int) -> bool:
    """Whether the number is in a link that calls it or writes to it."""
    return _MAKES_CALLS.search(text[max(0, start - _NAME_CHARACTERS) : start]) is not None


# two words of two hexadecimal digits: one may be a word ("de", "be"), two with a digit are a dump
_DUMP = re.compile(r"(?=[\da-f ]*\d)[\da-f]{2} [\da-f]{2}", re.IGNORECASE)
_LEFT_NUMBER = re.compile(r"(?<![^\W\d_])(\d+)([ \t\u00a0\u202f|;,]{1,3})$")
_RIGHT_NUMBER = re.compile(r"([ \t\u00a0\u202f|;,]{1,3})(\d+)(?![^\W\d_])")
_ROW_CHARACTERS = 32


def is_in_row(text: str, start: int, stop: int) -> bool:
    """Whether the number's groups continue beside it, as "2021" does before "2022 2023 2024".

    A number's own neighbours (an expiry date, the next field of a form) have another format or are
    after another character.
    """
    number = text[start:stop]
    groups = re.findall(r"\d+", number)
    if len(groups[-1]) == 2 and _DUMP.match(text, stop + 1):
        return True
    left = _LEFT_NUMBER.search(text[max(0, start - _ROW_CHARACTERS) : start])
    right = _RIGHT_NUMBER.match(text[stop : stop + _ROW_CHARACTERS])
    inner = set(re.findall(r"\D", number))
    return bool(
        (left and len(left[1]) == len(groups[0]) and inner <= set(left[2]))
        or (right and len(right[2]) == len(groups[-1]) and inner <= set(right[1]))
    )


def is_beside_a_person(text: str, start: int) -> bool:
    """Whether the text directly before the number looks like a person's name."""
    return person_before(text, start) is not None


_FIELD_END = re.compile(r"[.,;|)\"'}\]]|\s*(?:$|\n)|[ \t]*[|;]")


def ends_field(text: str, stop: int) -> bool:
    """Whether a line or a field of a record ends after the number."""
    return _FIELD_END.match(text, stop) is not None


def is_in_persons_record(text: str, start: int, stop: int) -> bool:
    """Whether the number is a field of its own after a person's name, in a row or in brackets."""
    between = person_before(text, start)
    return between is not None and bool(between.strip(" \u00a0")) and ends_field(text, stop)


_CONTACT = re.compile(r"@\w|www\.|https?://", re.IGNORECASE)


_MAILBOX = re.compile(r"[\w.]@\w[\w-]*\.\w")
_PARTS = tuple("|•·,;/–—-")
_LINES_ABOVE = 2  # looked at for an address


def is_in_contact_block(text: str, start: int, stop: int) -> bool:
    """Whether the number is a line of its own near a line with a mail, web or street address."""
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", stop)
    last = len(text) if last < 0 else last
    left, right = text[first:start].strip(), text[stop:last].strip()
    if left or right:  # on one line with a mail address, separated from it
        beside = left if left else right
        parted = left[-1:] in _PARTS or right[:1] in _PARTS
        return not (left and right) and parted and _MAILBOX.search(beside) is not None
    above = text[max(0, first - _TOKEN_CHARACTERS) : first].rstrip("\n").split("\n")[-_LINES_ABOVE:]
    below = text[last + 1 : last + 1 + _TOKEN_CHARACTERS].partition("\n")[0]
    if _CONTACT.search(above[-1]) or _CONTACT.search(below):
        return True
    return any(map(is_address_line, above))
