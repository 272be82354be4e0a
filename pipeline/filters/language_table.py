"""The thresholds and stop words of each language, from which `languages.rules` makes configs.

Thresholds are those FineWeb-2 published for the language (arXiv 2506.20920; its repository's
configs, one a language), as it found them from the distribution of each signal. Two things differ:
its language scores are GlotLID's and ours are lid.176's; and its words are a dictionary's or a
model's in five languages where ours are signs (zh, ja, th), syllables (vi) or what stands between
spaces (ko). `words_per_token` says how many of ours one of theirs is: the median over pages of a
crawl, by jieba (113 pages), Sudachi (113), pythainlp (71), pyvi (72) and Kiwi (95). The shares of
n-grams hold without it: each rule agrees on 80 to 100% of those pages with what it says of their
words, all of them together on 81 (ja) to 97% (th, with n-grams twice as long: unspaced.py).
Stop words: the most frequent words of the language's Wikipedia, in the order of jusText's lists
(BSD), without words of a subject ("year", "born"). Chinese and Japanese have no list there: the
most frequent signs that are grammar, counted on crawled pages; Thai has words of one sign, which
are FineWeb-2's as far as they are one.
"""

from typing import NamedTuple

ENGLISH_MIN_SCORE = 0.65  # FineWeb (arXiv 2406.17557), section 3.3


class Row(NamedTuple):
    """One language; all shares are fractions of 0..1."""

    min_language_score: float
    max_duplicate_line_fraction: float
    max_top_ngrams: tuple[float, float, float]  # n = 2, 3, 4: share of the page's characters
    max_duplicate_ngrams: tuple[float, float, float, float, float, float]  # n = 5 to 10, likewise
    min_mean_word_length: float  # characters
    max_mean_word_length: float
    min_alphabetic_word_fraction: float
    min_punctuated_line_fraction: float
    max_newline_word_ratio: float  # newlines per word
    stop_words: str
    words_per_token: float = 1.0  # words as we split them for each of FineWeb-2's


# fmt: off
TABLE: dict[str, Row] = {
    "ru": Row(
        0.9, 0.322, (0.184, 0.164, 0.146), (0.168, 0.156, 0.145, 0.133, 0.121, 0.109),
        3, 11, 0.713, 0.231, 0.139,
        "и в на с по из не к что от для как а до он за",
    ),
    "zh": Row(
        0.692, 0.287, (0.256, 0.201, 0.171), (0.198, 0.182, 0.167, 0.154, 0.14, 0.127),
        1, 5, 0.735, 0.106, 0.178,
        "的 是 在 了 有 和 不 我 一 为 這 这 也 就 可 以",
        1.48,
    ),
    "de": Row(
        0.821, 0.263, (0.169, 0.153, 0.137), (0.141, 0.134, 0.126, 0.117, 0.108, 0.098),
        0, 15, 0.774, 0.0, 0.152,
        "der und die in von den des im mit dem das ist zu als sich für",
    ),
    "ja": Row(
        0.886, 0.328, (0.239, 0.196, 0.172), (0.243, 0.225, 0.207, 0.19, 0.175, 0.159),
        1, 6, 0.759, 0.096, 0.13,
        "の に は を た て が と で し れ る な も い す",
        1.53,
    ),
    "es": Row(
        0.84, 0.252, (0.156, 0.14, 0.125), (0.145, 0.136, 0.127, 0.117, 0.108, 0.099),
        3, 14, 0.825, 0.182, 0.138,
        "de la en el y que a del los se un por con una las su",
    ),
    "fr": Row(
        0.824, 0.264, (0.161, 0.149, 0.134), (0.15, 0.141, 0.131, 0.121, 0.111, 0.1),
        2, 11, 0.812, 0.1, 0.185,
        "de la le et à les des du en un dans une par au pour qui",
    ),
    "it": Row(
        0.817, 0.246, (0.198, 0.156, 0.133), (0.144, 0.136, 0.127, 0.118, 0.109, 0.1),
        3, 21, 0.807, 0.025, 0.2,
        "di e il la in del a che è della un per una con nel da",
    ),
    "pt": Row(
        0.799, 0.287, (0.371, 0.191, 0.163), (0.163, 0.153, 0.141, 0.13, 0.119, 0.108),
        3, 13, 0.814, 0.077, 0.186,
        "de e a o do da em que uma um com no para na por os",
    ),
    "pl": Row(
        0.689, 0.32, (0.222, 0.198, 0.176), (0.172, 0.16, 0.148, 0.136, 0.123, 0.111),
        3, 12, 0.726, 0.087, 0.158,
        "w i z na się do jest od oraz nie o to po jako że za",
    ),
    "nl": Row(
        0.689, 0.296, (0.213, 0.182, 0.158), (0.156, 0.146, 0.136, 0.126, 0.115, 0.104),
        3, 17, 0.828, 0.102, 0.154,
        "de van in het en een is op met zijn te voor die hij door was",
    ),
    "id": Row(
        0.685, 0.241, (0.194, 0.166, 0.145), (0.166, 0.155, 0.144, 0.133, 0.122, 0.111),
        3, 12, 0.805, 0.111, 0.157,
        "yang dan di dengan dari adalah pada ini untuk dalam oleh sebagai juga tidak ke atau",
    ),
    "tr": Row(
        0.875, 0.272, (0.214, 0.168, 0.147), (0.154, 0.144, 0.134, 0.124, 0.113, 0.103),
        3, 21, 0.773, 0.091, 0.222,
        "ve bir ile olarak bu de da için olan sonra en daha ise gibi çok kadar",
    ),
    "cs": Row(
        0.88, 0.311, (0.206, 0.183, 0.165), (0.168, 0.157, 0.145, 0.133, 0.121, 0.109),
        3, 11, 0.781, 0.06, 0.182,
        "a v se na je z s do i jako o k že od za po",
    ),
    "vi": Row(
        0.802, 0.293, (0.223, 0.197, 0.171), (0.178, 0.163, 0.15, 0.136, 0.124, 0.111),
        3, 11, 0.803, 0.333, 0.103,
        "là và của một có được các trong ở đã với cho người này không những",
        1.15,
    ),
    "ko": Row(
        0.842, 0.374, (0.282, 0.228, 0.185), (0.201, 0.184, 0.168, 0.154, 0.14, 0.127),
        1, 6, 0.791, 0.062, 0.196,
        "이 수 그 있는 한 그는 같은 대한 다른 및 등 중 가장 위해 또한 것을",
        0.61,
    ),
    "ar": Row(
        0.711, 0.304, (0.197, 0.172, 0.146), (0.165, 0.153, 0.142, 0.131, 0.12, 0.109),
        2, 9, 0.787, 0.143, 0.189,
        "في من على إلى أن التي عن أو مع كان هو الذي ما هذه بعد هذا",
    ),
    "fa": Row(
        0.85, 0.246, (0.189, 0.164, 0.143), (0.157, 0.147, 0.137, 0.127, 0.117, 0.107),
        2, 9, 0.812, 0.2, 0.15,
        "و در به از که این را با است آن برای او بر یک تا شده",
    ),
    "uk": Row(
        0.9, 0.3, (0.189, 0.172, 0.153), (0.16, 0.148, 0.136, 0.124, 0.113, 0.102),
        3, 11, 0.694, 0.167, 0.175,
        "в і на у з та до що від за не для а як його є",
    ),
    "sv": Row(
        0.629, 0.292, (0.242, 0.195, 0.174), (0.156, 0.147, 0.136, 0.125, 0.116, 0.105),
        3, 12, 0.841, 0.2, 0.135,
        "och i av en som är att till på med den för var ett de det",
    ),
    "hu": Row(
        0.744, 0.322, (0.226, 0.198, 0.172), (0.169, 0.159, 0.148, 0.136, 0.124, 0.112),
        3, 15, 0.766, 0.067, 0.231,
        "a az és is egy hogy nem de vagy meg már csak mint után még el",
    ),
    "ro": Row(
        0.822, 0.289, (0.161, 0.146, 0.131), (0.16, 0.149, 0.138, 0.127, 0.117, 0.106),
        1, 14, 0.779, 0.081, 0.207,
        "de în a și din la este cu o un care pe al mai se pentru",
    ),
    "el": Row(
        0.826, 0.31, (0.194, 0.175, 0.156), (0.174, 0.163, 0.153, 0.142, 0.13, 0.119),
        3, 11, 0.809, 0.167, 0.116,
        "του και το της την από με η να που ο των στην σε είναι για",
    ),
    "da": Row(
        0.3, 0.305, (0.367, 0.297, 0.232), (0.169, 0.158, 0.147, 0.134, 0.123, 0.112),
        3, 11, 0.798, 0.1, 0.182,
        "i og af en er til at som den på for med var blev der det",
    ),
    "fi": Row(
        0.764, 0.293, (0.253, 0.202, 0.179), (0.153, 0.143, 0.133, 0.122, 0.112, 0.101),
        3, 14, 0.755, 0.114, 0.161,
        "ja on oli myös hän joka ovat ei mutta sekä että tai se sen jälkeen kun",
    ),
    "no": Row(
        0.813, 0.283, (0.204, 0.175, 0.15), (0.146, 0.139, 0.128, 0.119, 0.11, 0.099),
        3, 12, 0.783, 0.107, 0.167,
        "i og av som er en til på for med var den det å fra de",
    ),
    "hi": Row(
        0.692, 0.206, (0.208, 0.198, 0.161), (0.135, 0.125, 0.116, 0.108, 0.099, 0.09),
        2, 21, 0.837, 0.091, 0.316,
        "के में की और का से को है एक पर ने भी यह लिए किया इस",
    ),
    "th": Row(
        0.9, 0.349, (0.221, 0.197, 0.162), (0.185, 0.168, 0.152, 0.137, 0.124, 0.111),
        2, 10, 0.9, 0.0, 0.153,
        "ที่ ใน และ มี ได้ จะ ไม่ ให้ ว่า ก็ นี้ แต่ ไป มา ถ้า ไว้",
        2.52,
    ),
}
# fmt: on
