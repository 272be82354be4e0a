/* C4's rules for lines, and what they spare: which lines stay, and as what.

   First every line is judged as C4 and FineWeb judge it, whatever it is part of: all counts that
   decide about a page come from that (clean_lines). Where the extraction has marked code blocks or
   formulas, the text is then put together once more without touching those (spare_code): a code block
   stays to the character, a formula keeps its "[1]" and the line that it has for itself.
   Included by _signals.c alone, after page.h. */

#ifndef FILTERS_C4_LINES_H
#define FILTERS_C4_LINES_H

#include "page.h"

enum { LOREM_IPSUM = 1, JAVASCRIPT = 2, CURLY_BRACKET = 4, POLICY = 8 };

/* Each is looked for at a letter that is rare in prose (class ANCHOR holds them, and "{"). */
#define PHRASE(words, at, kind) {words, sizeof words - 1, at, kind}
static const struct { const char *words; size_t size, at; int kind; } PHRASES[] = {
    PHRASE("javascript", 0, JAVASCRIPT), PHRASE("lorem ipsum", 7, LOREM_IPSUM),
    PHRASE("terms of use", 7, POLICY), PHRASE("privacy policy", 3, POLICY),
    PHRASE("cookie policy", 3, POLICY), PHRASE("uses cookies", 8, POLICY),
    PHRASE("use of cookies", 10, POLICY), PHRASE("use cookies", 7, POLICY),
};

static inline Py_UCS4 lower(Py_UCS4 c) /* as str.lower, where the result is ASCII */
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c == KELVIN_SIGN ? 'k' : c;
}

static int phrases_in(const Py_UCS4 *line, size_t length)
{
    int found = 0;
    for (size_t i = 0; i < length; i++) {
        if (!(class_of(line[i]) & ANCHOR)) continue;
        if (line[i] == '{') found |= CURLY_BRACKET;
        for (size_t k = 0; k < sizeof PHRASES / sizeof *PHRASES; k++) {
            const char *words = PHRASES[k].words;
            size_t at = PHRASES[k].at, size = PHRASES[k].size, j = 0;
            if (lower(line[i]) != (Py_UCS4)words[at] || i < at || length - (i - at) < size)
                continue;
            while (j < size && lower(line[i - at + j]) == (Py_UCS4)words[j]) j++;
            if (j == size) found |= PHRASES[k].kind;
        }
    }
    return found;
}

/* Length of the citation that begins with the bracket at `at`: "[12]", "[]", "[edit]", "[citation needed]"; else 0. */
static size_t citation_length(const Py_UCS4 *line, size_t length, size_t at)
{
    static const char *const NAMED[] = {"[edit]", "[citation needed]"};
    size_t end = at + 1;
    while (end < length && Py_UNICODE_ISDECIMAL(line[end])) end++;
    if (end < length && line[end] == ']') return end + 1 - at;
    for (size_t k = 0; k < 2; k++) {
        size_t size = strlen(NAMED[k]), j = 0;
        if (length - at < size) continue;
        while (j < size && line[at + j] == (Py_UCS4)NAMED[k][j]) j++;
        if (j == size) return size;
    }
    return 0;
}

static size_t copy(Py_UCS4 *to, const Py_UCS4 *from, size_t length)
{
    memcpy(to, from, length * sizeof *to);
    return length;
}

/* Copies the line without its citations; the length of what is left. */
static size_t without_citations(
    const Page *page, const Py_UCS4 *line, size_t length, int spare, Py_UCS4 *out, size_t *citations)
{
    size_t copied = 0, size = 0;
    for (size_t at = 0; at < length;) {
        size_t citation = line[at] == '[' ? citation_length(line, length, at) : 0;
        if (citation && spare && inside(&page->formulas, (size_t)(line - page->text) + at))
            citation = 0;
        if (citation) {
            size += copy(out + size, line + copied, at - copied);
            copied = at + citation;
            ++*citations;
        }
        at += citation ? citation : 1;
    }
    return size + copy(out + size, line + copied, length - copied);
}

static int is_thai_or_lao(Py_UCS4 c)
{
    return c >= 0x0E01 && c <= 0x0EFF;
}

/* C4's . ? ! " ' in English; elsewhere any script's full stop, before closing quotes and brackets or
   not. Thai and Lao have none: there every line ends well. */
static int ends_in_terminal_punctuation(const Page *page, const Py_UCS4 *line, size_t length)
{
    if (!length || ends_in_ellipsis(page, line, length)) return 0;
    Py_UCS4 last = line[length - 1];
    if (last == '.' || last == '?' || last == '!' || last == '"' || last == '\'') return 1;
    if (!page->words.by_script) return 0;
    while (length > 1
           && (class_of(last) & QUOTE || last == ')' || last == ']' || last == 0xFF09
               || last == 0x203A))
        last = line[--length - 1];
    return (class_of(last) & TERMINAL) != 0 || is_thai_or_lao(last);
}

/* How many words C4's rule counts in a line's runs: one each, in scripts without spaces one a sign. */
static size_t line_words(const Page *page, size_t run, size_t runs)
{
    size_t words = runs;
    if (!page->words.by_script) return words;
    for (size_t i = run; i < run + runs; i++) {
        const Py_UCS4 *chars = page->text + page->words.runs[i].start;
        size_t length = page->words.runs[i].length, signs = 0, others = 0;
        for (size_t at = 0; at < length; at++) {
            uint32_t class = class_of(chars[at]);
            if (class & UNSPACED) signs += !joins(chars, length, at);
            else others |= class & WORD;
        }
        if (signs) words += signs - !others;
    }
    return words;
}

/* The length of the longest word in that sense. */
static size_t longest_word(const Page *page, const Run *run)
{
    if (!page->words.by_script) return run->length;
    size_t longest = 0, begun = 0;
    for (size_t at = 0; at < run->length; at++) {
        begun = class_of(page->text[run->start + at]) & UNSPACED ? 0 : begun + 1;
        if (begun > longest) longest = begun;
    }
    return longest;
}

static int brace_outside(const Page *page, size_t start, size_t length)
{
    for (size_t at = start; at < start + length; at++)
        if (page->text[at] == '{' && !inside(&page->code, at) && !inside(&page->formulas, at))
            return 1;
    return 0;
}

/* Whether a line holds a formula and nothing else. */
static int is_formula(const Page *page, const Py_UCS4 *line, size_t length)
{
    size_t start = (size_t)(line - page->text);
    if (!overlaps(&page->formulas, start, start + length)) return 0;
    for (size_t at = 0; at < length; at++)
        if (!(class_of(line[at]) & SPACE) && !inside(&page->formulas, start + at)) return 0;
    return 1;
}

static int add_final(Page *page, uint32_t from, uint32_t to)
{
    size_t count = to - from;
    if (make_room(
            (void **)&page->final, &page->final_room, page->final_count + count, sizeof(uint32_t)))
        return -1;
    memcpy(page->final + page->final_count, page->words.ids + from, count * sizeof(uint32_t));
    page->final_count += count;
    return 0;
}

/* One line (stripped, with its runs) onto the cleaned text, if it stays; `spare` leaves formulas. */
static int clean_line(
    Page *page, const LineRules *rules, uint64_t *counts, int spare, size_t start, size_t length,
    size_t run, size_t runs, int *kept)
{
    Words *w = &page->words;
    const Py_UCS4 *line = page->text + start;
    Py_UCS4 *out = page->cleaned + page->cleaned_length + (*kept > 0);
    size_t citations = 0, size;
    spare = spare && overlaps(&page->formulas, start, start + length);
    if (spare && is_formula(page, line, length)) size = copy(out, line, length);
    else {
        for (size_t i = run; i < run + runs; i++) {
            const Run *word = &w->runs[i];
            if (word->length <= (uint32_t)rules->max_word_length
                || longest_word(page, word) <= (size_t)rules->max_word_length
                || (spare && overlaps(&page->formulas, word->start, word->start + word->length)))
                continue;
            counts[REMOVED_LONG_WORD]++;
            return 0;
        }
        size = rules->remove_citations
                   ? without_citations(page, line, length, spare, out, &citations)
                   : copy(out, line, length);
        if (rules->require_terminal_punctuation && !ends_in_terminal_punctuation(page, out, size)) {
            counts[REMOVED_UNPUNCTUATED]++;
            return 0;
        }
        size_t least = (size_t)rules->min_words_per_line;
        if (runs < least && line_words(page, run, runs) < least) {
            counts[REMOVED_SHORT]++;
            return 0;
        }
        int found = phrases_in(out, size);
        if (found & LOREM_IPSUM) counts[LOREM_IPSUM_LINES]++;
        if (found & JAVASCRIPT && rules->drop_javascript_lines) {
            counts[REMOVED_JAVASCRIPT]++;
            return 0;
        }
        if (found & CURLY_BRACKET) {
            counts[CURLY_BRACKET_LINES]++;
            counts[CURLY_BRACKET_LINES_OUTSIDE] += (uint64_t)brace_outside(page, start, length);
        }
        if (found & POLICY && rules->drop_policy_lines) {
            counts[REMOVED_POLICY]++;
            return 0;
        }
    }
    size_t base = start;
    if (citations) { /* the line has other words now */
        counts[REMOVED_CITATIONS] += citations;
        base = 0;
        run = w->run_count;
        if (add_text(w, out, size)) return -1;
        runs = w->run_count - run;
    }
    counts[SENTENCES] += count_sentences(w, out, size, w->runs + run, runs, base);
    if (runs && add_final(page, w->runs[run].first, w->runs[run + runs].first)) return -1;
    if (*kept) page->cleaned[page->cleaned_length++] = '\n';
    page->cleaned_length += size;
    ++*kept;
    return 0;
}

/* Gopher's counts of lines, and C4's rules; both take lines as str.splitlines does. */
static int clean_lines(Page *page, const LineRules *rules)
{
    Words *w = &page->words;
    size_t run = 0;
    int kept = 0;
    for (size_t at = 0, next = 0; at < page->length; at = next) {
        const Py_UCS4 *line = page->text + at;
        size_t length = line_end(page->text, page->length, at, &next) - at, first = run;
        while (run < page->runs && w->runs[run].start < at + length) run++;
        strip(&line, &length);
        page->counts[EXTRACTED_LINES]++;
        page->counts[BULLET_LINES] += (uint64_t)begins_with_bullet(page, line, length);
        page->counts[ELLIPSIS_LINES] += (uint64_t)ends_in_ellipsis(page, line, length);
        if (clean_line(
                page, rules, page->counts, 0, (size_t)(line - page->text), length, first,
                run - first, &kept))
            return -1;
    }
    return 0;
}

/* The end of the code block on whose first line `at` stands, whole lines; `at` if there is none. */
static size_t code_end(const Page *page, size_t at, size_t end_of_line)
{
    size_t span = span_after(&page->code, at), end, next;
    if (span == page->code.count || page->code.spans[span].start > end_of_line
        || page->code.spans[span].start == page->code.spans[span].end)
        return at;
    end = page->code.spans[span].end;
    if (end > at && class_of(page->text[end - 1]) & LINE_END) end--;
    return line_end(page->text, page->length, end, &next);
}

/* A code block to the character, unless it is blank. */
static int keep_block(
    Page *page, size_t start, size_t end, size_t run, size_t runs, int *kept)
{
    Words *w = &page->words;
    if (!runs) return 0;
    if (add_final(page, w->runs[run].first, w->runs[run + runs].first)) return -1;
    if (*kept) page->cleaned[page->cleaned_length++] = '\n';
    size_t from = page->cleaned_length;
    page->cleaned_length += copy(page->cleaned + from, page->text + start, end - start);
    ++*kept;
    return add_span(&page->kept_code, from, page->cleaned_length);
}

/* The cleaned text once more, with code blocks and formulas whole. Only what was taken out is counted
   again: a page is judged by what C4's and FineWeb's rules make of all its lines. */
static int spare_code(Page *page, const LineRules *rules)
{
    Words *w = &page->words;
    uint64_t counts[COUNTS] = {0};
    size_t run = 0;
    int kept = 0;
    page->cleaned_length = page->final_count = 0;
    for (size_t at = 0, next = 0; at < page->length; at = next) {
        size_t end = line_end(page->text, page->length, at, &next);
        size_t block_end = code_end(page, at, end), first = run;
        if (block_end > at) end = line_end(page->text, page->length, block_end, &next);
        while (run < page->runs && w->runs[run].start < end) run++;
        if (block_end > at) {
            if (keep_block(page, at, end, first, run - first, &kept)) return -1;
            continue;
        }
        const Py_UCS4 *line = page->text + at;
        size_t length = end - at;
        strip(&line, &length);
        if (clean_line(
                page, rules, counts, 1, (size_t)(line - page->text), length, first, run - first,
                &kept))
            return -1;
    }
    for (int kind = REMOVED_LONG_WORD; kind <= REMOVED_CITATIONS; kind++)
        page->counts[kind] = counts[kind];
    return 0;
}

/* White space off the ends of the cleaned text, but none of a code block's. */
static void strip_cleaned(Page *page)
{
    Spans *code = &page->kept_code;
    size_t first = code->count ? code->spans[0].start : page->cleaned_length;
    size_t last = code->count ? code->spans[code->count - 1].end : 0, off = 0;
    while (off < first && class_of(page->cleaned[off]) & SPACE) off++;
    while (page->cleaned_length > last && page->cleaned_length > off
           && class_of(page->cleaned[page->cleaned_length - 1]) & SPACE)
        page->cleaned_length--;
    page->cleaned += off;
    page->cleaned_length -= off;
    for (size_t i = 0; i < code->count; i++) {
        code->spans[i].start -= off;
        code->spans[i].end -= off;
    }
}

#endif
