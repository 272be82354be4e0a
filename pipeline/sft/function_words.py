"""Words of English that name nothing: its closed classes.

In: nothing. Out: sets of words in lower case. A run of capitalised words that begins with one of
them opens a sentence ("Whoever practises", "Consequently the Press"), and a noun phrase that holds
one is cut from a clause ("no representations concerning", "this easy"). The classes are those of
Quirk, Greenbaum, Leech and Svartvik, A Comprehensive Grammar of the English Language (1985):
auxiliaries (its chapter 3), determiners (5), pronouns (6), linking adverbs (8), prepositions (9),
conjunctions (14). Words that names begin with ("Will", "May", "Little", "Next") are left out. Of
adverbs, which are an open class, the commonest are listed; the choice is ours.
"""

_PRONOUNS = """
    i me my mine myself you your yours yourself yourselves he him his himself she her hers herself
    it its itself we us our ours ourselves they them their theirs themselves one oneself who whom
    whose which what whoever whomever whatever whichever this that these those somebody someone
    something anybody anyone anything nobody nothing everybody everyone everything none each other
"""
_DETERMINERS = """
    a an the no any some every either neither all both half such another many much several few
    fewer less more most enough certain various same own
"""
_AUXILIARIES = """
    am is are was were be been being have has had having do does did doing done can could shall
    should would must ought cannot let
"""
_PREPOSITIONS = """
    about above across after against along alongside amid among amongst around as at atop before
    behind below beneath beside besides between beyond by concerning considering despite down
    during except excepting excluding following for from in including inside into like near of off
    on onto opposite out outside over per pending plus regarding respecting since through
    throughout till to toward towards under underneath unlike until unto up upon versus via with
    within without
"""
_CONJUNCTIONS = """
    and or but nor yet so because although though if unless whereas while whilst when whenever
    where wherever whether than lest once provided providing supposing
"""
_LINKING = """
    consequently therefore thus hence accordingly however nevertheless nonetheless moreover
    furthermore meanwhile otherwise instead still then also too similarly likewise finally lastly
    firstly secondly thirdly namely anyway besides rather altogether incidentally conversely
    afterwards subsequently eventually originally initially additionally
"""
_ADVERBS = """
    not never ever always often sometimes seldom again already soon now today tomorrow yesterday
    here there everywhere somewhere nowhere anywhere how why very quite just only even almost
    perhaps maybe well together apart away abroad ahead forth indeed
"""

CLOSED_CLASSES = frozenset(
    f"{_PRONOUNS} {_DETERMINERS} {_AUXILIARIES} {_PREPOSITIONS} {_CONJUNCTIONS} {_LINKING}".split()
)
# Of nouns for an amount, "of" follows: the noun that is meant comes after it.
_AMOUNTS = """
    amount bit bulk couple dozen handful host lack lot lots majority minority number part plenty
    plethora portion range rest share sort kind stake variety wealth
"""
AMOUNTS = frozenset(_AMOUNTS.split())
OUTSIDE_NOUN_PHRASES = (CLOSED_CLASSES | frozenset(_ADVERBS.split())) - {"of"}
