/* Rows of the segmenter (layouts as in segment.py) and what the files of _features.c share. */
#ifndef FEATURES_H
#define FEATURES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off") /* the same sums on every machine */
#endif

typedef struct {
    uint64_t flags, hints, hints_near, hints_any, hints_inline, hints_link, text_hash;
    uint32_t start;
    int32_t container;
    uint32_t characters, words, letters, uppercase, digits, commas, sentence_ends, cjk;
    uint32_t link_characters, bold_characters, links, images_before, line_breaks, tags_before;
    uint32_t markup_bytes_before;
    int32_t table, row, column, item;
    uint16_t depth, list_depth;
    uint8_t tag, heading_level, starts, ends, break_before, inline_tags, list_tag, reserved;
} Block;

typedef struct {
    uint64_t flags, hints;
    int32_t parent, first_block, blocks;
    uint32_t characters, link_characters, words, links, commas, paragraph_characters, headings;
    uint32_t html_start, html_end, children;
    uint16_t depth;
    uint8_t tag, hidden;
} Container;

/* What the words of a block say: sums over a table of learned weights. */
enum {
    WORDS_MEAN, WORDS_LEAST, WORDS_MOST, WORDS_BEGIN, WORDS_END, WORDS_WHOLE, WORDS_KNOWN,
    TITLE_SHARE, TITLE_COVER, DESCRIPTION_SHARE, WORDS_COLUMNS
};
#define WORDS_NAMES \
    "words_mean", "words_least", "words_most", "words_begin", "words_end", "words_whole", \
    "words_known", "title_share", "title_cover", "description_share"

#define LEXICON (1 << 16) /* weights, int8 in sixteenths of a log odds */
#define MAX_TOKENS 48     /* of a block that are looked up */
#define WHOLE_TOKENS 8    /* longest text that is looked up as a whole */

typedef struct {
    uint32_t hash[MAX_TOKENS];
    uint32_t count;
    int all; /* no token of the text is left out */
} Tokens;

#endif
