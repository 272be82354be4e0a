"""Names of the fictional world: people, towns, rivers, mountains, lakes, companies.

Each first name, town stem and river name begins differently, so that a small model can tell them
apart; first and last names are drawn without repetition as long as they last.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

WOMEN = tuple(
    """
    Mara Tilda Ines Greta Odile Hanna Sabine Lotte Wilma Yara Nadia Petra Rosa Vera Clara Edda
    Fenna Ilse Judith Karla Linnea Mirjam Noemi Orla Paula Ragna Signe Thea Ursula Viola Wanda
    Zelda Alba Berit Corinna Dagny Elvira Frida Gisela Helga Imke Jolanda Kirsten Ludmila Maren
    Nele Olga Philippa
    """.split()
)
MEN = tuple(
    """
    Tobias Anton Bruno Casper Dorian Emil Falk Gustav Henrik Ivo Jasper Konrad Leander Matthis Nils
    Oskar Pavel Quentin Rufus Silas Theodor Ulrich Viktor Walter Xaver Yannick Zeno Albin Benedikt
    Cornelius Dietmar Edgar Florian Gerrit Hubert Ignaz Jonathan Klemens Lorenz Magnus Norbert
    Otto Piet Roland Sven Tycho Urban Veit
    """.split()
)
LAST_NAMES = tuple(
    """
    Ellison Hartwig Brandt Castell Dorn Eberlin Fairfax Gruber Holloway Iverson Jansen Keller
    Lindqvist Marlow Norden Ostrander Pruitt Quill Rasmussen Sandoval Thorne Underhill Vasquez
    Wexford Yarrow Zeller Abbott Blackwood Carver Dunmore Elster Farrow Goodwin Hale Ingram Joyce
    Kimball Lockhart Mercer Nightingale Oakes Penrose Quigley Rowe Stanhope Tillman Upton Vane
    Whitlock Yates Ambrose Birch Caldwell Drake Everett Finch Garrick Hobbs Ives Jessup Kendall
    Lowell Munro Nesbit Osgood Pike Ransom Selby Tate Ulmer Voss Wick Archer Bellamy Croft Dalton
    Ennis Frost Gale Hurst Kessler Lund Moss North Orchard Pell
    """.split()
)
TOWN_STEMS = tuple(
    """
    Ash Bram Calder Dun Eller Farn Gold Harrow Ilm Jar Kelm Lang Marsh Nettle Oaken Penn Quarrel
    Raven Silver Thorn Umber Vel White Yarn Zan Alder Brack Cress Dray Elk Fox Green Hazel Iron
    Juniper King Lark Mill Nor Otter Plum Rush Stone Tam Upper Vine Wolf Amber Bell Cold Dove
    """.split()
)
TOWN_TAILS = ("wick", "bury", "mere", "stead", "holm", "dale", "combe", "hurst", "port", "ham")
RIVERS = tuple(
    """
    Wend Tarrow Osk Ilver Brune Lodd Sarre Nim Corve Yeld Arden Fless Kell Moray Drave Pell Vath
    Usk Hesper Glim Rothe Zarn Esk Caul Jure Tavel Orm Quay Bellow Dusk
    """.split()
)
MOUNTAINS = tuple(f"Mount {name}" for name in "Orrin Hexham Cairn Vigil Torr Snell Baldur".split())
LAKES = ("Lake Imber", "Lake Dole", "Lake Sorrel", "Gull Bay", "Lantern Bay", "Lake Prior")
COMPANY_HEADS = tuple(
    """
    Corvane Brightwell Ostler Haldane Tolliver Merrow Quickstep Redfern Stellar Juno Larkspur
    Pinnacle Northgate Orrery Vantage Wickham Zephyr Acorn Bluebell Candor Dovetail Everdeen
    Fairweather Gannet Hopwood Ivory Jackdaw Kingfisher Lodestar Magpie Nutmeg Osprey Partridge
    Quartz Rainbow Saffron Tanager Unicorn Verity Woodpecker Yardley Zenith Almanac Borealis
    Cinnabar Dragonfly Emerald Falcon Goldcrest Harlequin Indigo Jasmine Kestrel Lapwing
    """.split()
)
COMPANY_TAILS = ("Works", "Brothers", "and Sons", "Company", "House", "and Daughters")

PROFESSIONS = tuple(
    """
    baker weaver potter carpenter doctor teacher lawyer farmer gardener painter printer sailor
    shoemaker tailor blacksmith librarian nurse pilot beekeeper clockmaker fisherman miller
    photographer surveyor
    """.split()
)
INSTRUMENTS = tuple(
    """
    piano violin flute cello trumpet guitar harp drum clarinet tuba fiddle banjo bassoon mandolin
    trombone zither
    """.split()
)
SPECIALTIES = tuple(
    """
    cheese bells honey candles pottery lace cider roses clocks bread carpets mustard umbrellas
    plums kites gingerbread soap glass tea pumpkins
    """.split()
)
FISH = tuple("trout pike perch salmon carp eel barbel bream grayling tench roach sturgeon".split())
PRODUCTS = tuple(
    """
    bicycles pencils boots ropes lamps ovens sails pianos buttons chocolate bricks spectacles
    saddles toys blankets ladders kettles paper violins locks
    """.split()
)
