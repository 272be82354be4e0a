/* What is measured of a page and what is known of it, and its lines as Gopher's rules see them.
   Included by _signals.c alone, after words.h. */

#ifndef FILTERS_PAGE_H
#define FILTERS_PAGE_H

#include "words.h"

/* In the order in which measure.py names them. */
enum {
    EXTRACTED_CHARACTERS, EXTRACTED_LINES,
    PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    BLOCKS, DUPLICATE_BLOCKS, DUPLICATE_BLOCK_CHARACTERS, /* lines between runs of newlines */
    TOP_2_GRAM,
    DUPLICATE_5_GRAM = TOP_2_GRAM + 3,
    WORDS = DUPLICATE_5_GRAM + 6,
    REAL_WORDS, REAL_WORD_CHARACTERS, HASHES, ELLIPSES, BULLET_LINES, ELLIPSIS_LINES,
    WORDS_WITH_LETTER, STOP_WORDS,
    REMOVED_LONG_WORD, REMOVED_UNPUNCTUATED, REMOVED_SHORT, REMOVED_JAVASCRIPT, REMOVED_POLICY,
    REMOVED_CITATIONS, LOREM_IPSUM_LINES, CURLY_BRACKET_LINES,
    CURLY_BRACKET_LINES_OUTSIDE, SENTENCES,
    LINES, PUNCTUATED_LINES, SHORT_LINES, DUPLICATE_LINE_CHARACTERS, NEWLINES, FINAL_CHARACTERS,
    FINAL_WORDS, LINES_LEFT,
    COUNTS
};

typedef struct {
    int enabled, max_word_length, min_words_per_line, remove_citations, require_terminal_punctuation,
        drop_javascript_lines, drop_policy_lines, spare_code, short_line_characters;
} LineRules;

typedef struct {
    size_t start, end; /* characters */
} Span;

typedef struct {
    Span *spans; /* in order, apart from one another */
    size_t count, room;
} Spans;

typedef struct {
    const Py_UCS4 *text;
    size_t length;
    Py_UCS4 *cleaned; /* room for length + 1 */
    size_t cleaned_length;
    uint32_t *final; /* numbers of the cleaned text's words */
    size_t final_count, final_room;
    Spans code, formulas; /* in the text as extracted */
    Spans kept_code;      /* in the cleaned text */
    Words words;
    size_t runs; /* of the text; those of lines without their citations come after them */
    uint64_t counts[COUNTS];
} Page;

/* ---- Gopher's lines ---- */

static void strip(const Py_UCS4 **chars, size_t *length)
{
    while (*length && class_of(**chars) & SPACE) ++*chars, --*length;
    while (*length && class_of((*chars)[*length - 1]) & SPACE) --*length;
}

/* The end of the line that begins at `at`, as str.splitlines cuts; *next is where the next begins. */
static size_t line_end(const Py_UCS4 *text, size_t length, size_t at, size_t *next)
{
    while (at < length && !(class_of(text[at]) & LINE_END)) at++;
    *next = at + 1;
    if (at + 1 < length && text[at] == '\r' && text[at + 1] == '\n') *next = at + 2;
    return at;
}

/* ---- spans ---- */

/* The number of the first span that ends after `at`. */
static size_t span_after(const Spans *spans, size_t at)
{
    size_t low = 0, high = spans->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (spans->spans[middle].end <= at) low = middle + 1;
        else high = middle;
    }
    return low;
}

static int inside(const Spans *spans, size_t at)
{
    size_t span = span_after(spans, at);
    return span < spans->count && spans->spans[span].start <= at;
}

static int overlaps(const Spans *spans, size_t start, size_t end)
{
    size_t span = span_after(spans, start);
    return span < spans->count && spans->spans[span].start < end;
}

static int add_span(Spans *spans, size_t start, size_t end)
{
    if (make_room((void **)&spans->spans, &spans->room, spans->count + 1, sizeof(Span))) return -1;
    spans->spans[spans->count++] = (Span){start, end};
    return 0;
}

/* ---- ellipses and bullets ----
   English has Gopher's: "..." and "…" each, lines that begin with "•" or "-". Elsewhere "……" or
   "。。。" is one ellipsis, and "◆" or "・" is a bullet as well. */

static inline int is_dot(Py_UCS4 c)
{
    return c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61 || c == 0x30FB || c == 0xB7;
}

static inline int is_ellipsis_sign(Py_UCS4 c) /* of any language but English */
{
    return c == 0x2026 || c == 0x22EF;
}

static int ends_in_ellipsis(const Page *page, const Py_UCS4 *line, size_t length)
{
    if (!length) return 0;
    Py_UCS4 last = line[length - 1];
    if (last == 0x2026 || (page->words.by_script && is_ellipsis_sign(last))) return 1;
    if (length < 3 || line[length - 2] != last || line[length - 3] != last) return 0;
    return page->words.by_script ? is_dot(last) : last == '.';
}

static uint64_t ellipses_by_script(const Py_UCS4 *text, size_t length)
{
    uint64_t ellipses = 0;
    for (size_t at = 0; at < length;) {
        Py_UCS4 c = text[at];
        size_t end = at + 1;
        if (is_dot(c) || is_ellipsis_sign(c)) {
            while (end < length && text[end] == c) end++;
            ellipses += is_ellipsis_sign(c) || end - at >= 3;
        }
        at = end;
    }
    return ellipses;
}

static int begins_with_bullet(const Page *page, const Py_UCS4 *line, size_t length)
{
    if (!length) return 0;
    return *line == 0x2022 || *line == '-' || (page->words.by_script && class_of(*line) & BULLET);
}

#endif
