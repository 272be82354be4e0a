"""Whether a person's name or a postal address is beside a number."""

import re

# Between capitals: "Ludwig van Beethoven", "Maria de la Cruz"
_PARTICLE = r"(?:v[ao]n|de[rnl]?|d[aiu]|dos|das|la|le|el|al|bin|ben|ter|zu|zur|af|av)"
_WORD = r"[^\W\d_]+(?:['’][^\W\d_]+)?"
_PERSON = re.compile(
    rf"(?<![^\W\d_])((?:{_WORD}\.?[ \u00a0-]){{1,4}}{_WORD})"
    r"((?:[^\w\n]{1,6}[a-z_]{2,12})?[^\w\n]{0,6}\n?[^\w\n]{0,4})$"  # a field's name may be between
)
_LISTED = re.compile(rf"(?<![^\W\d_])({_WORD}), ({_WORD})([^\w\n]{{0,6}}\n?[^\w\n]{{0,4}})$")
_PERSON_CHARACTERS = 64
# the hundred most common family names of China, Taiwan, Korea; Japan's of two characters
_HAN_NAMES = (
    "王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧"
    "蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎余潘杜戴夏钟鍾汪田任姜范方石姚"
    "谭譚廖邹熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢汤湯尹黎易常武乔喬贺賀赖賴"
    "龚龔文"
)
_HANGUL_NAMES = (
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우"
    "구민진엄채원천방공현함변염"
)
_JAPANESE_NAMES = (
    "佐藤|鈴木|高橋|田中|渡辺|渡邊|伊藤|山本|中村|小林|加藤|吉田|山田|佐々木|山口"
    "|松本|井上|木村|林|斎藤|斉藤|清水|山崎|森|池田|橋本|阿部|石川|山下|中島|石井"
    "|小川|前田|岡田|長谷川|藤田|後藤|近藤|村上|遠藤|青木|坂本|福田|太田|西村|藤井"
    "|金子|岡本|藤原|三浦|中野|中川|原田|松田|竹内|小野|田村|中山|和田|石田|森田"
    "|上田|柴田|酒井|宮崎|横山|高木|安藤|宮本|大野|小島|谷口|今井|工藤|高田|増田"
    "|丸山|杉山|村田|大塚|新井|小山|平野|藤本|河野|上野|野口|武田|松井|千葉|菅原"
    "|岩崎"
)
_EASTERN = re.compile(
    rf"(?<![\u3400-\u9fff])(?:[{_HAN_NAMES}][\u4e00-\u9fff]{{1,2}}"
    rf"|(?:{_JAPANESE_NAMES})[ \u3000]?[\u3040-\u30ff\u4e00-\u9fff]{{1,3}})"
    r"(?:先生|女士|小姐|さん|様|氏)?([^\w\n]{1,6}\n?|\n)$"
    rf"|(?<![\uac00-\ud7af])[{_HANGUL_NAMES}][\uac00-\ud7af]{{1,2}}(?:님|씨)?([^\w\n]{{1,6}}\n?|\n)$"
)
# Capitalised words that are no people's names
_CAPITALS = (
    "new north south east west united great the of and for in on at los las san santa saint"
    " st port fort lake river mount mountain island islands bay cape valley beach harbour"
    " harbor view park city town village county state states province region district"
    " republic kingdom street road avenue lane drive square place court house hall center"
    " centre building floor room suite box school college university institute department"
    " office bank hotel hospital church museum company group inc ltd llc gmbh corp"
    " association society foundation club team league cup open race page pages part section"
    " chapter figure table volume issue version number total price order item model serial"
    " product code date time year years month day january february march april may june july"
    " august september october november december monday tuesday wednesday thursday friday"
    " saturday sunday phone fax tel mobile email contact call id no nr ref type name user"
    " account card routing isbn doi national international general"
)
_NO_NAMES = frozenset(_CAPITALS.split())


def person_before(text: str, start: int) -> str | None:
    """The text between a person's name and the number that follows it; None without a name."""
    said = text[max(0, start - _PERSON_CHARACTERS) : start]
    found = _PERSON.search(said)
    if found is not None:
        words = [w for w in re.split("[ \u00a0-]", found[1]) if not re.fullmatch(_PARTICLE, w)]
        if len(words) > 1 and all(map(_is_name, words[-2:])):
            return found[2]
    listed = _LISTED.search(said)
    if listed is not None and _is_name(listed[1]) and _is_name(listed[2]):
        return listed[3]
    eastern = None if said.isascii() else _EASTERN.search(said)
    return (eastern[1] or eastern[2]) if eastern else None


def _is_name(word: str) -> bool:
    if len(word) <= 2:
        return word[0].isupper() and (word[1:] == "." or word[1:].islower())
    return word[0].isupper() and word[-1].islower() and word.lower() not in _NO_NAMES


_STREET = re.compile(
    r"(?<![^\W\d_])(?:street|road|avenue|ave|lane|drive|boulevard|blvd|square|terrace|court|crescent|quay|highway"
    r"|st|rd|dr|ln|rue|chemin|impasse|all[ée]e|quai|place|\w*stra(?:ß|ss)e|\w*str|\w*platz|\w*weg"
    r"|\w*gasse|\w*allee|\w*ring|\w*ufer|markt|calle|avenida|plaza|paseo|carrer|via|viale|piazza"
    r"|corso|largo|rua|pra[çc]a|travessa|\w*straat|\w*laan|\w*plein|\w*kade|\w*gracht|ulica|ul"
    r"|aleja|al|ulice|n[áa]m[ěe]st[íi]|\w*gatan|\w*v[äa]gen|\w*vej|\w*gade|\w*gata|\w*veien"
    r"|\w*katu|\w*tie|utca|út|sokak|sok|cadde\w*|cad|mahalle\w*|mah|улица|ул|проспект|просп|пр)"
    r"(?![^\W\d_])",
    re.IGNORECASE,
)
_HOUSE = re.compile(r"^\d{1,4}[a-z]?(?:[-/]\d{1,4})?,? \D|\D[ .]\d{1,4} ?[a-z]?$", re.IGNORECASE)
_EASTERN_PLACE = re.compile(
    r"[都道府県市区區町村省县縣路街号號]$|[시군구동로길]$|\d+(?:号|號|番地?|호)$"
)
_ADDRESS_LINE = 60  # characters at most


def is_address_line(line: str) -> bool:
    """Whether the line is a street with a house's number, or an East Asian address."""
    line = line.strip()
    if not line or len(line) > _ADDRESS_LINE:
        return False
    if _EASTERN_PLACE.search(line):
        return True
    return bool(_HOUSE.search(line) and _STREET.search(line))
