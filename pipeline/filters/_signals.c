/* Every count that the filters of text need, from one pass over a page: see measure.py.

   measure(text, signs, stop_words, lines, code, formulas, listed)
       -> (text after C4's line rules, its words, counts, where its code blocks are)
   takes the text apart into runs and words once (words.h), counts repetitions over word numbers
   (repetition.h), and goes through the lines for Gopher's, C4's (c4_lines.h) and FineWeb's rules.
   `signs` is 0 for English, else how many signs of its script stand for a word in n-grams. Of the
   words only those in `listed` (a word_set) are given, with how often they occur, and how many all
   are; a list of all if it is None.
   Only where C4's rules changed a line is that line split again. Fractions are made in Python.
   All counts are integers and the same on every machine. */

#define PY_SSIZE_T_CLEAN
#include "c4_lines.h"
#include "page.h"
#include "repetition.h"
#include "word_set.h"
#include "words.h"

enum { MAX_CHARACTERS = INT32_MAX };

/* ---- Gopher's counts ---- */

static void count_signs(Page *page)
{
    uint64_t hashes = 0, ellipses = 0;
    for (size_t i = 0, dots = 0; i < page->length; i++) {
        Py_UCS4 c = page->text[i];
        hashes += c == '#' || (page->words.by_script && c == 0xFF03);
        ellipses += c == 0x2026;
        dots = c == '.' ? dots + 1 : 0;
        if (dots == 3) {
            ellipses++;
            dots = 0;
        }
    }
    page->counts[HASHES] = hashes;
    page->counts[ELLIPSES] =
        page->words.by_script ? ellipses_by_script(page->text, page->length) : ellipses;
}

static void count_words(Page *page)
{
    Words *w = &page->words;
    page->counts[WORDS] = w->count;
    for (uint32_t i = 0; i < w->distinct_count; i++) {
        const Distinct *word = &w->distinct[i];
        if (word->flags & REAL) {
            page->counts[REAL_WORDS] += word->count;
            page->counts[REAL_WORD_CHARACTERS] += (uint64_t)word->count * word->length;
        }
        if (word->flags & HAS_LETTER) page->counts[WORDS_WITH_LETTER] += word->count;
    }
}

static int count_stop_words(Page *page, PyObject *stop_words)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(stop_words); i++) {
        PyObject *word = PyTuple_GET_ITEM(stop_words, i);
        Py_UCS4 chars[64];
        if (!PyUnicode_Check(word)) {
            PyErr_SetString(PyExc_TypeError, "stop words must be strings");
            return -1;
        }
        size_t length = (size_t)PyUnicode_GET_LENGTH(word);
        if (!length || length > 64) continue;
        if (!PyUnicode_AsUCS4(word, chars, 64, 0)) return -1;
        page->counts[STOP_WORDS] += *find(&page->words, chars, length, hash_of(chars, length)) != 0;
    }
    return 0;
}

static int count_repetition(Page *page)
{
    Words *w = &page->words;
    uint64_t *counts = page->counts;
    Places places;
    if (!page->length) return 0;
    if (places_init(&places, w)) return -1;
    count_top_ngrams(&places, w, counts + TOP_2_GRAM);
    count_duplicate_ngrams(&places, w, w->by_script ? (size_t)w->by_script : 1, counts + DUPLICATE_5_GRAM);
    places_free(&places);

    Parts parts = {0};
    const Py_UCS4 *stripped = page->text;
    size_t length = page->length;
    strip(&stripped, &length);
    int failed = split_at_newlines(&parts, stripped, length, 2)
                 || count_duplicates(
                     &parts, &counts[DUPLICATE_PARAGRAPHS], &counts[DUPLICATE_PARAGRAPH_CHARACTERS]);
    counts[PARAGRAPHS] = parts.count;
    failed = failed || split_at_newlines(&parts, page->text, page->length, 1)
             || count_duplicates(
                 &parts, &counts[DUPLICATE_BLOCKS], &counts[DUPLICATE_BLOCK_CHARACTERS]);
    counts[BLOCKS] = parts.count;
    PyMem_RawFree(parts.parts);
    return failed ? -1 : 0;
}

/* ---- FineWeb's lines ---- */

/* How many lines hold more than white space. */
static uint64_t lines_in(const Py_UCS4 *text, size_t length)
{
    uint64_t lines = 0;
    for (size_t at = 0, blank = 1; at <= length; at++) {
        if (at < length && text[at] != '\n') blank &= (class_of(text[at]) & SPACE) != 0;
        else {
            lines += !blank;
            blank = 1;
        }
    }
    return lines;
}

static int count_final_lines(Page *page, const LineRules *rules)
{
    const Py_UCS4 *text = page->cleaned;
    size_t length = page->cleaned_length;
    uint64_t *counts = page->counts, again;
    Parts parts = {0};
    for (size_t at = 0; at <= length;) {
        size_t start = at;
        int blank = 1;
        for (; at < length && text[at] != '\n'; at++)
            if (!(class_of(text[at]) & SPACE)) blank = 0;
        counts[NEWLINES] += at < length;
        if (!blank) {
            counts[LINES]++;
            counts[PUNCTUATED_LINES] += (class_of(text[at - 1]) & TERMINAL) != 0;
            counts[SHORT_LINES] += at - start <= (size_t)rules->short_line_characters;
            if (add_part(&parts, text + start, at - start)) {
                PyMem_RawFree(parts.parts);
                return -1;
            }
        }
        at++;
    }
    counts[FINAL_CHARACTERS] = length - counts[NEWLINES];
    counts[FINAL_WORDS] = page->final_count;
    counts[LINES_LEFT] = counts[LINES];
    int failed = count_duplicates(&parts, &again, &counts[DUPLICATE_LINE_CHARACTERS]);
    PyMem_RawFree(parts.parts);
    return failed;
}

/* ---- the module ---- */

static PyObject *word_list(Words *w, const uint32_t *ids, size_t count)
{
    PyObject *words = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; words && i < count; i++) {
        Distinct *word = &w->distinct[ids[i]];
        if (!word->text)
            word->text = PyUnicode_FromKindAndData(
                PyUnicode_4BYTE_KIND, word->chars, (Py_ssize_t)word->length);
        if (!word->text) {
            Py_CLEAR(words);
            break;
        }
        PyList_SET_ITEM(words, (Py_ssize_t)i, Py_NewRef(word->text));
    }
    return words;
}

static Py_UCS4 *characters_of(PyObject *text, size_t *length)
{
    if (PyUnicode_GET_LENGTH(text) > MAX_CHARACTERS) {
        PyErr_SetString(PyExc_OverflowError, "a page of more than 2^31 characters");
        return NULL;
    }
    *length = (size_t)PyUnicode_GET_LENGTH(text);
    Py_UCS4 *chars = PyMem_RawMalloc((*length + 1) * sizeof *chars);
    if (chars && !PyUnicode_AsUCS4(text, chars, (Py_ssize_t)*length + 1, 1)) {
        PyMem_RawFree(chars);
        return NULL;
    }
    if (!chars) PyErr_NoMemory();
    return chars;
}

static PyObject *span_tuple(const Spans *spans)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)spans->count);
    for (size_t i = 0; tuple && i < spans->count; i++) {
        PyObject *pair = Py_BuildValue(
            "(nn)", (Py_ssize_t)spans->spans[i].start, (Py_ssize_t)spans->spans[i].end);
        if (!pair) Py_CLEAR(tuple);
        else PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, pair);
    }
    return tuple;
}

static PyObject *results(Page *page, PyObject *text, PyObject *listed)
{
    const Py_UCS4 *cleaned = page->cleaned;
    PyObject *counts = PyTuple_New(COUNTS), *words, *after, *code = span_tuple(&page->kept_code);
    for (Py_ssize_t i = 0; counts && i < COUNTS; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(page->counts[i]);
        if (!number) Py_CLEAR(counts);
        else PyTuple_SET_ITEM(counts, i, number);
    }
    int same = page->cleaned_length == page->length
               && !memcmp(cleaned, page->text, page->length * sizeof *cleaned);
    after = same ? Py_NewRef(text)
                 : PyUnicode_FromKindAndData(
                     PyUnicode_4BYTE_KIND, cleaned, (Py_ssize_t)page->cleaned_length);
    /* how many words there are: FINAL_WORDS counts those of lines judged without sparing code */
    words = listed == Py_None ? word_list(&page->words, page->final, page->final_count)
                              : Py_BuildValue(
                                  "(Nn)",
                                  listed_counts(
                                      listed, &page->words, page->final, page->final_count),
                                  (Py_ssize_t)page->final_count);
    if (counts && after && words && code) return Py_BuildValue("(NNNN)", after, words, counts, code);
    Py_XDECREF(counts);
    Py_XDECREF(after);
    Py_XDECREF(words);
    Py_XDECREF(code);
    return NULL;
}

/* Pairs of character numbers, in order and apart. */
static int read_spans(PyObject *given, size_t length, Spans *spans)
{
    size_t last = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(given); i++) {
        PyObject *pair = PyTuple_GET_ITEM(given, i);
        Py_ssize_t start, end;
        if (!PyTuple_Check(pair)) {
            PyErr_SetString(PyExc_TypeError, "spans must be pairs of numbers");
            return -1;
        }
        if (!PyArg_ParseTuple(pair, "nn", &start, &end)) return -1;
        if (start < (Py_ssize_t)last || end < start || end > (Py_ssize_t)length) {
            PyErr_Format(PyExc_ValueError, "no spans of this text, in order and apart: %R", given);
            return -1;
        }
        if (end > start && add_span(spans, (size_t)start, (size_t)end)) return -1;
        last = (size_t)end;
    }
    return 0;
}

/* The text as it came, its code blocks where they were. */
static int leave_lines(Page *page)
{
    memcpy(page->cleaned, page->text, page->length * sizeof *page->cleaned);
    page->cleaned_length = page->length;
    for (size_t i = 0; i < page->code.count; i++)
        if (add_span(&page->kept_code, page->code.spans[i].start, page->code.spans[i].end)) return -1;
    return 0;
}

/* The cleaned text with code blocks and formulas whole, into a buffer of its own: words of lines that
   lost a citation lie in the first one. */
static int clean_again(Page *page, const LineRules *rules, Py_UCS4 **buffer)
{
    *buffer = PyMem_RawMalloc((page->length + 1) * sizeof **buffer);
    if (!*buffer) {
        PyErr_NoMemory();
        return -1;
    }
    page->cleaned = *buffer;
    if (spare_code(page, rules)) return -1;
    strip_cleaned(page);
    page->counts[LINES_LEFT] = lines_in(page->cleaned, page->cleaned_length);
    return 0;
}

static int go_through_lines(Page *page, const LineRules *rules, Py_UCS4 **second)
{
    if (clean_lines(page, rules)) return -1;
    if (!rules->enabled) { /* the lines were gone through for their counts alone */
        if (leave_lines(page)) return -1;
    }
    else strip_cleaned(page);
    if (count_final_lines(page, rules)) return -1;
    int marked = page->code.count || page->formulas.count;
    return rules->enabled && rules->spare_code && marked ? clean_again(page, rules, second) : 0;
}

static PyObject *measure(PyObject *module, PyObject *args)
{
    PyObject *text, *stop_words, *code, *formulas, *listed = Py_None, *answer = NULL;
    int signs;
    LineRules rules;
    (void)module;
    if (!PyArg_ParseTuple(
            args, "UiO!(iiiiiiiii)O!O!|O", &text, &signs, &PyTuple_Type, &stop_words,
            &rules.enabled, &rules.max_word_length, &rules.min_words_per_line, &rules.remove_citations,
            &rules.require_terminal_punctuation, &rules.drop_javascript_lines,
            &rules.drop_policy_lines, &rules.spare_code, &rules.short_line_characters, &PyTuple_Type,
            &code, &PyTuple_Type, &formulas, &listed))
        return NULL;
    if (rules.max_word_length < 0 || rules.min_words_per_line < 0 || rules.short_line_characters < 0
        || signs < 0) {
        PyErr_SetString(PyExc_ValueError, "limits of C4's lines must not be negative");
        return NULL;
    }
    Page page = {0};
    Py_UCS4 *chars = characters_of(text, &page.length), *first = NULL, *second = NULL;
    if (!chars || words_init(&page.words, page.length, signs)) {
        PyMem_RawFree(chars);
        return NULL;
    }
    page.text = chars;
    page.counts[EXTRACTED_CHARACTERS] = page.length;
    page.cleaned = first = PyMem_RawMalloc((page.length + 1) * sizeof *first);
    if (!first) PyErr_NoMemory();
    else if (!read_spans(code, page.length, &page.code)
             && !read_spans(formulas, page.length, &page.formulas)
             && !add_text(&page.words, page.text, page.length)) {
        page.runs = page.words.run_count;
        count_signs(&page);
        count_words(&page);
        if (!count_stop_words(&page, stop_words) && !count_repetition(&page)
            && !go_through_lines(&page, &rules, &second))
            answer = results(&page, text, listed);
    }
    PyMem_RawFree(first);
    PyMem_RawFree(second);
    PyMem_RawFree(page.final);
    PyMem_RawFree(page.code.spans);
    PyMem_RawFree(page.formulas.spans);
    PyMem_RawFree(page.kept_code.spans);
    words_free(&page.words);
    PyMem_RawFree(chars);
    return answer;
}

static PyObject *split_text(PyObject *text, int by_script, int sentences)
{
    PyObject *answer = NULL;
    Words w;
    size_t length;
    Py_UCS4 *chars = characters_of(text, &length);
    if (!chars) return NULL;
    if (!words_init(&w, length, by_script)) {
        if (!add_text(&w, chars, length))
            answer = sentences ? PyLong_FromUnsignedLongLong(
                         count_sentences(&w, chars, length, w.runs, w.run_count, 0))
                               : word_list(&w, w.ids, w.count);
        words_free(&w);
    }
    PyMem_RawFree(chars);
    return answer;
}

static PyObject *split(PyObject *module, PyObject *args)
{
    PyObject *text;
    int by_script;
    (void)module;
    return PyArg_ParseTuple(args, "Up", &text, &by_script) ? split_text(text, by_script, 0) : NULL;
}

static PyObject *count_line(PyObject *module, PyObject *args)
{
    PyObject *text;
    (void)module;
    return PyArg_ParseTuple(args, "U", &text) ? split_text(text, 0, 1) : NULL;
}

/* The lexicon's entry for a key, with flags added; a new one if there is none. */
static Entry *add_entry(PyObject *key, uint8_t flags)
{
    Py_UCS4 chars[LEXICON_LENGTH];
    if (!PyUnicode_Check(key) || PyUnicode_GET_LENGTH(key) > LEXICON_LENGTH
        || PyUnicode_GET_LENGTH(key) < 1 || lexicon_count == LEXICON_ENTRIES) {
        PyErr_Format(PyExc_ValueError, "no entry of the lexicon: %R", key);
        return NULL;
    }
    size_t length = (size_t)PyUnicode_GET_LENGTH(key);
    if (!PyUnicode_AsUCS4(key, chars, LEXICON_LENGTH, 0)) return NULL;
    Entry *entry = look_up(chars, length, 255);
    if (!entry) {
        entry = &lexicon[lexicon_count++];
        entry->hash = hash_of(chars, length);
        entry->length = (uint8_t)length;
        memcpy(entry->chars, chars, length * sizeof *chars);
        size_t slot = mixed(entry->hash) & (LEXICON_SLOTS - 1);
        while (lexicon_slots[slot]) slot = (slot + 1) & (LEXICON_SLOTS - 1);
        lexicon_slots[slot] = (uint16_t)lexicon_count;
        *lengths_like(chars, length) |= (uint32_t)1 << length;
    }
    entry->flags |= flags;
    return entry;
}

static int add_exception(PyObject *key, PyObject *parts)
{
    Entry *entry = add_entry(key, EXCEPTION);
    if (!entry) return -1;
    Py_ssize_t count = PyTuple_Check(parts) ? PyTuple_GET_SIZE(parts) : 0, total = 0;
    for (Py_ssize_t i = 0; i < count && count <= MAX_PARTS; i++) {
        Py_ssize_t size = PyObject_Length(PyTuple_GET_ITEM(parts, i));
        if (size < 1) break;
        entry->part_length[i] = (uint8_t)size;
        total += size;
    }
    entry->parts = (uint8_t)count;
    if (total == entry->length) return 0;
    PyErr_Format(PyExc_ValueError, "the parts of an exception do not make it: %R", key);
    return -1;
}

static int add_units(PyObject *units)
{
    PyObject *items = PySequence_Fast(units, "a list of units expected");
    if (!items) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items) && !failed; i++)
        failed = !add_entry(PySequence_Fast_GET_ITEM(items, i), UNIT);
    Py_DECREF(items);
    return failed;
}

/* Two words that an exception can begin with, as the rules cut it. */
static int add_pair(PyObject *pair)
{
    PyObject *first, *second;
    if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "UU", &first, &second)) return -1;
    PyObject *both = PyUnicode_Concat(first, second);
    Entry *entry = both ? add_entry(both, PAIR) : NULL;
    if (entry) entry->pair_cuts |= (uint32_t)1 << PyUnicode_GET_LENGTH(first);
    Py_XDECREF(both);
    return entry ? 0 : -1;
}

static int add_pairs(PyObject *pairs)
{
    PyObject *items = PySequence_Fast(pairs, "a list of pairs expected");
    if (!items) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items) && !failed; i++)
        failed = add_pair(PySequence_Fast_GET_ITEM(items, i));
    Py_DECREF(items);
    if (failed && !PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "no pair of words");
    return failed;
}

static int add_classes(PyObject *named)
{
    for (Py_UCS4 c = 0; c < CLASSES; c++) classes[c] = python_class(c);
    for (size_t i = 0; i < sizeof CLASS_NAMES / sizeof *CLASS_NAMES; i++) {
        PyObject *characters = PyDict_GetItemString(named, CLASS_NAMES[i].name);
        if (!characters || !PyUnicode_Check(characters)) {
            PyErr_Format(PyExc_KeyError, "no class %s", CLASS_NAMES[i].name);
            return -1;
        }
        for (Py_ssize_t k = 0; k < PyUnicode_GET_LENGTH(characters); k++) {
            Py_UCS4 c = PyUnicode_READ_CHAR(characters, k);
            if (c < CLASSES) classes[c] |= CLASS_NAMES[i].flag;
        }
    }
    for (const char *anchor = "jJpPfFvVkK{"; *anchor; anchor++)
        classes[(unsigned char)*anchor] |= ANCHOR;
    classes[KELVIN_SIGN] |= ANCHOR;
    return 0;
}

static PyObject *configure(PyObject *module, PyObject *args)
{
    PyObject *named, *exceptions, *units, *pairs, *key, *parts, *url, *join;
    Py_ssize_t position = 0;
    (void)module;
    if (!PyArg_ParseTuple(
            args, "O!O!OOOO", &PyDict_Type, &named, &PyDict_Type, &exceptions, &units, &pairs, &url,
            &join))
        return NULL;
    lexicon_count = 0;
    memset(lexicon, 0, sizeof lexicon);
    memset(lexicon_slots, 0, sizeof lexicon_slots);
    memset(lexicon_lengths, 0, sizeof lexicon_lengths);
    while (PyDict_Next(exceptions, &position, &key, &parts))
        if (add_exception(key, parts)) return NULL;
    if (add_units(units) || add_pairs(pairs) || add_classes(named)) return NULL;
    Py_XSETREF(is_url_callback, Py_NewRef(url));
    Py_XSETREF(join_callback, Py_NewRef(join));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"configure", configure, METH_VARARGS, "Character classes and exceptions; once, by words.py."},
    {"measure", measure, METH_VARARGS, "A page's text after C4's line rules, its words, counts."},
    {"word_set", word_set, METH_O, "Words to look for: measure's `listed`."},
    {"split", split, METH_VARARGS, "The words of a text."},
    {"count_sentences", count_line, METH_VARARGS, "The sentences of a line; at least 1."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_signals", "Words and counts of a page.", -1, METHODS,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__signals(void)
{
    return PyModule_Create(&MODULE);
}
