"""Strings that the English word splitter treats specially: contractions, abbreviations, emoticons.

`EXCEPTIONS` maps each to its words ("don't" -> "do", "n't"; "Mr." -> "Mr."). The list is that of
spaCy's English tokenizer (MIT), which datatrove's filters split words with; oddities such as
"id" -> "i", "d" are its own, and are kept because thresholds were tuned on its words.
"""

# words that look like contractions without an apostrophe, but are words
_NOT_CONTRACTIONS = "ill its hell shell shed were well whore"

_ABBREVIATIONS = """
a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md.
Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. Mt. Ak. Ala. Apr. Ariz.
Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky.
La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore.
Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. and/or w/o 'd 'S 's ‘S ‘s 're 'Cause 'cause 'cos 'Cos 'coz
'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock O'clock lovin' Lovin' havin' Havin' doin' Doin' goin' Goin'
nothin' Nothin' nuthin' Nuthin' ol' Ol' somethin' Somethin' 'em 'll 'nuff
a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü.
' \\") <space> '' C++ \\t \\n —
"""

_EMOTICONS = r"""
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-;
:( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p
:-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD
XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0
o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ)
¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
"""

# each written with spaces at its splits
_OTHERS = """
y' all|y all|how 'd 'y|How 'd 'y|not 've|not ve|Not 've|Not ve|can not|Can not|gon na|Gon na|got ta
|Got ta|let 's|Let 's|c'm on|C'm on|i 'm|I 'm|i m|I m|i 'm a|I 'm a|i m a|I m a
"""

_SUBJECT_ENDINGS = {  # which endings follow which words
    "i": "'ll 'd",
    "you": "'ll 'd 've 're",
    "he": "'ll 'd 's",
    "she": "'ll 'd 's",
    "it": "'ll 'd 's",
    "we": "'ll 'd 've 're",
    "they": "'ll 'd 've 're",
    **dict.fromkeys(["who", "what", "when", "where", "why", "how", "there"], "'ll 'd 've 're 's"),
    **dict.fromkeys(["that", "this"], "'ll 'd 's"),
    **dict.fromkeys(["these", "those"], "'ll 'd 've 're"),
}
_TAKES_HAVE_TOO = ("'ll", "'d")  # "you'll've"

_NEGATED = """ca could do does did had may might must need ought sha should wo would
ai are is was were have has dare"""
_NEGATED_WITH_HAVE = 15  # the first so many of the list above also exist with "'ve"
_WITH_HAVE = "could might must should would"


def _contractions() -> list[tuple[str, ...]]:
    splits: list[tuple[str, ...]] = []
    for word, endings in _SUBJECT_ENDINGS.items():
        # spaCy has "I've" and "Ive" for i as well, by the rule of the verb list below
        for ending in endings.split() + (["'ve"] if word == "i" else []):
            splits.append((word, ending))
            if ending in _TAKES_HAVE_TOO:
                splits.append((word, ending, "'ve"))
    for position, verb in enumerate(_NEGATED.split()):
        splits.append((verb, "n't"))
        if position < _NEGATED_WITH_HAVE:
            splits.append((verb, "n't", "'ve"))
    splits += [(verb, "'ve") for verb in _WITH_HAVE.split()]
    bare = [tuple(part.replace("'", "") for part in split) for split in splits]
    both = splits + bare
    return both + [(split[0].title(), *split[1:]) for split in both]


def _exceptions() -> dict[str, tuple[str, ...]]:
    splits = _contractions()
    splits += [tuple(line.split()) for line in _OTHERS.replace("\n", "").split("|")]
    splits += [(str(hour), half) for hour in range(1, 13) for half in ("a.m.", "am", "p.m.", "pm")]
    splits += [("°", unit, ".") for unit in "cfkCFK"]
    table = {"".join(split): split for split in splits}
    table |= {word: (word,) for word in (_ABBREVIATIONS + _EMOTICONS).split()}
    for word in _NOT_CONTRACTIONS.split():
        table.pop(word, None)
        table.pop(word.title(), None)
    typographic = {
        key.replace("'", "’"): tuple(part.replace("'", "’") for part in split)
        for key, split in table.items()
        if "'" in key
    }
    return table | typographic


EXCEPTIONS = _exceptions()
