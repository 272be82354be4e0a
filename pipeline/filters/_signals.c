/* Every count that the filters of text need, from one pass over a page: see measure.py.

   measure(text, unspaced, stop_words, lines) -> (text after C4's line rules, its words, counts)
   takes the text apart into runs and words once (words.h), counts repetitions over word numbers
   (repetition.h), and goes through the lines for Gopher's, C4's and FineWeb's rules (here).
   Only where C4's rules changed a line is that line split again. Fractions are made in Python.
   All counts are integers and the same on every machine. */

#define PY_SSIZE_T_CLEAN
#include "repetition.h"
#include "words.h"

enum { MAX_CHARACTERS = INT32_MAX };

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
    REMOVED_CITATIONS, LOREM_IPSUM_LINES, CURLY_BRACKET_LINES, SENTENCES,
    LINES, PUNCTUATED_LINES, SHORT_LINES, DUPLICATE_LINE_CHARACTERS, NEWLINES, FINAL_CHARACTERS,
    FINAL_WORDS,
    COUNTS
};

typedef struct {
    int enabled, max_word_length, min_words_per_line, remove_citations, require_terminal_punctuation,
        drop_javascript_lines, drop_policy_lines, short_line_characters;
} LineRules;

typedef struct {
    const Py_UCS4 *text;
    size_t length;
    Py_UCS4 *cleaned; /* room for length + 1 */
    size_t cleaned_length;
    uint32_t *final; /* numbers of the cleaned text's words */
    size_t final_count, final_room;
    Words words;
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

static int ends_in_ellipsis(const Py_UCS4 *line, size_t length)
{
    if (!length) return 0;
    if (line[length - 1] == 0x2026) return 1;
    return length > 2 && line[length - 1] == '.' && line[length - 2] == '.'
           && line[length - 3] == '.';
}

static void count_signs(Page *page)
{
    uint64_t hashes = 0, ellipses = 0;
    for (size_t i = 0, dots = 0; i < page->length; i++) {
        Py_UCS4 c = page->text[i];
        hashes += c == '#';
        ellipses += c == 0x2026;
        dots = c == '.' ? dots + 1 : 0;
        if (dots == 3) {
            ellipses++;
            dots = 0;
        }
    }
    page->counts[HASHES] = hashes;
    page->counts[ELLIPSES] = ellipses;
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
    if (places_init(&places, w->count)) return -1;
    count_top_ngrams(&places, w, counts + TOP_2_GRAM);
    count_duplicate_ngrams(&places, w, counts + DUPLICATE_5_GRAM);
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

/* ---- C4's lines ---- */

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
    const Py_UCS4 *line, size_t length, Py_UCS4 *out, size_t *citations)
{
    size_t copied = 0, size = 0;
    for (size_t at = 0; at < length;) {
        size_t citation = line[at] == '[' ? citation_length(line, length, at) : 0;
        if (citation) {
            size += copy(out + size, line + copied, at - copied);
            copied = at + citation;
            ++*citations;
        }
        at += citation ? citation : 1;
    }
    return size + copy(out + size, line + copied, length - copied);
}

static int ends_in_terminal_punctuation(const Py_UCS4 *line, size_t length)
{
    if (!length) return 0;
    if (length > 2 && line[length - 1] == '.' && line[length - 2] == '.' && line[length - 3] == '.')
        return 0;
    Py_UCS4 last = line[length - 1];
    return last == '.' || last == '?' || last == '!' || last == '"' || last == '\'';
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

/* One line (stripped, with its runs) onto the cleaned text, if it stays. */
static int clean_line(
    Page *page, const LineRules *rules, size_t start, size_t length, size_t run, size_t runs,
    int *kept)
{
    Words *w = &page->words;
    uint64_t *counts = page->counts;
    const Py_UCS4 *line = page->text + start;
    for (size_t i = run; i < run + runs; i++)
        if (w->runs[i].length > (uint32_t)rules->max_word_length) {
            counts[REMOVED_LONG_WORD]++;
            return 0;
        }
    Py_UCS4 *out = page->cleaned + page->cleaned_length + (*kept > 0);
    size_t citations = 0, size = rules->remove_citations
                               ? without_citations(line, length, out, &citations)
                               : copy(out, line, length);
    if (rules->require_terminal_punctuation && !ends_in_terminal_punctuation(out, size)) {
        counts[REMOVED_UNPUNCTUATED]++;
        return 0;
    }
    if (runs < (size_t)rules->min_words_per_line) {
        counts[REMOVED_SHORT]++;
        return 0;
    }
    int found = phrases_in(out, size);
    if (found & LOREM_IPSUM) counts[LOREM_IPSUM_LINES]++;
    if (found & JAVASCRIPT && rules->drop_javascript_lines) {
        counts[REMOVED_JAVASCRIPT]++;
        return 0;
    }
    if (found & CURLY_BRACKET) counts[CURLY_BRACKET_LINES]++;
    if (found & POLICY && rules->drop_policy_lines) {
        counts[REMOVED_POLICY]++;
        return 0;
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
static int go_through_lines(Page *page, const LineRules *rules)
{
    Words *w = &page->words;
    size_t run = 0, page_runs = w->run_count;
    int kept = 0;
    for (size_t at = 0, next = 0; at < page->length; at = next) {
        const Py_UCS4 *line = page->text + at;
        size_t length = line_end(page->text, page->length, at, &next) - at, first = run;
        while (run < page_runs && w->runs[run].start < at + length) run++;
        strip(&line, &length);
        page->counts[EXTRACTED_LINES]++;
        page->counts[BULLET_LINES] += length && (*line == 0x2022 || *line == '-');
        page->counts[ELLIPSIS_LINES] += (uint64_t)ends_in_ellipsis(line, length);
        if (clean_line(page, rules, (size_t)(line - page->text), length, first, run - first, &kept))
            return -1;
    }
    return 0;
}

static void strip_cleaned(Page *page)
{
    const Py_UCS4 *stripped = page->cleaned;
    strip(&stripped, &page->cleaned_length);
    page->cleaned += stripped - page->cleaned;
}

/* ---- FineWeb's lines ---- */

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

static PyObject *results(Page *page, PyObject *text)
{
    const Py_UCS4 *cleaned = page->cleaned;
    PyObject *counts = PyTuple_New(COUNTS), *words, *after;
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
    words = word_list(&page->words, page->final, page->final_count);
    if (counts && after && words) return Py_BuildValue("(NNN)", after, words, counts);
    Py_XDECREF(counts);
    Py_XDECREF(after);
    Py_XDECREF(words);
    return NULL;
}

static PyObject *measure(PyObject *module, PyObject *args)
{
    PyObject *text, *stop_words, *answer = NULL;
    int unspaced;
    LineRules rules;
    (void)module;
    if (!PyArg_ParseTuple(
            args, "UpO!(iiiiiiii)", &text, &unspaced, &PyTuple_Type, &stop_words,
            &rules.enabled, &rules.max_word_length, &rules.min_words_per_line, &rules.remove_citations,
            &rules.require_terminal_punctuation, &rules.drop_javascript_lines,
            &rules.drop_policy_lines, &rules.short_line_characters))
        return NULL;
    if (rules.max_word_length < 0 || rules.min_words_per_line < 0 || rules.short_line_characters < 0) {
        PyErr_SetString(PyExc_ValueError, "limits of C4's lines must not be negative");
        return NULL;
    }
    Page page = {0};
    Py_UCS4 *chars = characters_of(text, &page.length);
    if (!chars || words_init(&page.words, page.length, unspaced)) {
        PyMem_RawFree(chars);
        return NULL;
    }
    page.text = chars;
    page.counts[EXTRACTED_CHARACTERS] = page.length;
    page.cleaned = PyMem_RawMalloc((page.length + 1) * sizeof *page.cleaned);
    if (!page.cleaned) PyErr_NoMemory();
    else if (!add_text(&page.words, page.text, page.length)) {
        count_signs(&page);
        count_words(&page);
        Py_UCS4 *buffer = page.cleaned;
        if (!count_stop_words(&page, stop_words) && !count_repetition(&page)
            && !go_through_lines(&page, &rules)) {
            if (rules.enabled) strip_cleaned(&page);
            else { /* the lines were gone through for their counts alone */
                memcpy(page.cleaned, page.text, page.length * sizeof *page.cleaned);
                page.cleaned_length = page.length;
            }
            if (!count_final_lines(&page, &rules)) answer = results(&page, text);
        }
        page.cleaned = buffer;
    }
    PyMem_RawFree(page.cleaned);
    PyMem_RawFree(page.final);
    words_free(&page.words);
    PyMem_RawFree(chars);
    return answer;
}

static PyObject *split_text(PyObject *text, int unspaced, int sentences)
{
    PyObject *answer = NULL;
    Words w;
    size_t length;
    Py_UCS4 *chars = characters_of(text, &length);
    if (!chars) return NULL;
    if (!words_init(&w, length, unspaced)) {
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
    int unspaced;
    (void)module;
    return PyArg_ParseTuple(args, "Up", &text, &unspaced) ? split_text(text, unspaced, 0) : NULL;
}

static PyObject *count_line(PyObject *module, PyObject *args)
{
    PyObject *text;
    (void)module;
    return PyArg_ParseTuple(args, "U", &text) ? split_text(text, 0, 1) : NULL;
}

static int add_entry(PyObject *key, uint8_t flags, PyObject *parts)
{
    Py_UCS4 chars[LEXICON_LENGTH];
    if (!PyUnicode_Check(key) || PyUnicode_GET_LENGTH(key) > LEXICON_LENGTH
        || PyUnicode_GET_LENGTH(key) < 1 || lexicon_count == LEXICON_ENTRIES) {
        PyErr_Format(PyExc_ValueError, "no entry of the lexicon: %R", key);
        return -1;
    }
    size_t length = (size_t)PyUnicode_GET_LENGTH(key);
    if (!PyUnicode_AsUCS4(key, chars, LEXICON_LENGTH, 0)) return -1;
    Entry *entry = look_up(chars, length, 255);
    if (!entry) {
        entry = &lexicon[lexicon_count++];
        entry->hash = hash_of(chars, length);
        entry->length = (uint8_t)length;
        memcpy(entry->chars, chars, length * sizeof *chars);
        size_t slot = mixed(entry->hash) & (LEXICON_SLOTS - 1);
        while (lexicon_slots[slot]) slot = (slot + 1) & (LEXICON_SLOTS - 1);
        lexicon_slots[slot] = (uint16_t)lexicon_count;
        lexicon_lengths[chars[0] & 255] |= (uint32_t)1 << length;
    }
    entry->flags |= flags;
    if (!parts) return 0;
    Py_ssize_t count = PyTuple_Check(parts) ? PyTuple_GET_SIZE(parts) : 0, total = 0;
    for (Py_ssize_t i = 0; i < count && count <= MAX_PARTS; i++) {
        Py_ssize_t size = PyObject_Length(PyTuple_GET_ITEM(parts, i));
        if (size < 1) break;
        entry->part_length[i] = (uint8_t)size;
        total += size;
    }
    entry->parts = (uint8_t)count;
    if (total == (Py_ssize_t)length) return 0;
    PyErr_Format(PyExc_ValueError, "the parts of an exception do not make it: %R", key);
    return -1;
}

static int add_entries(PyObject *keys, uint8_t flags)
{
    PyObject *items = PySequence_Fast(keys, "a list of words expected");
    if (!items) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items) && !failed; i++)
        failed = add_entry(PySequence_Fast_GET_ITEM(items, i), flags, NULL);
    Py_DECREF(items);
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
    PyObject *named, *exceptions, *units, *firsts, *seconds, *key, *parts, *url, *join;
    Py_ssize_t position = 0;
    (void)module;
    if (!PyArg_ParseTuple(
            args, "O!O!OOOOO", &PyDict_Type, &named, &PyDict_Type, &exceptions, &units, &firsts,
            &seconds, &url, &join))
        return NULL;
    lexicon_count = 0;
    memset(lexicon, 0, sizeof lexicon);
    memset(lexicon_slots, 0, sizeof lexicon_slots);
    memset(lexicon_lengths, 0, sizeof lexicon_lengths);
    while (PyDict_Next(exceptions, &position, &key, &parts))
        if (add_entry(key, EXCEPTION, parts)) return NULL;
    if (add_entries(units, UNIT) || add_entries(firsts, FIRST_PART)
        || add_entries(seconds, SECOND_PART) || add_classes(named))
        return NULL;
    Py_XSETREF(is_url_callback, Py_NewRef(url));
    Py_XSETREF(join_callback, Py_NewRef(join));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"configure", configure, METH_VARARGS, "Character classes and exceptions; once, by words.py."},
    {"measure", measure, METH_VARARGS, "A page's text after C4's line rules, its words, counts."},
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
