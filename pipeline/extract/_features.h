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

#include "_rows.h"

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
