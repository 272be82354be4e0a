/* Text into words, by the rules that pipeline/filters/words.py states, without a Python object a word.

   A run of non-space characters is cut where words begin: `cut[i]` is 1 at every such place, so that
   affixes, infixes and exceptions are marks on one array and the words come out in order. Equal
   words of a page get one number (`id`) and one entry in `distinct`, with what the signals ask of it.
   Everything works on UCS4 code points. Python is called back for two rare questions only: whether a
   run with an infix and a dot is a URL, and whether parts of an emoticon belong together.
   Included by _signals.c alone. */

#ifndef FILTERS_WORDS_H
#define FILTERS_WORDS_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

/* ---- classes of characters: one table, filled by configure() ---- */

enum {
    SPACE = 1 << 0,     /* str.isspace */
    LINE_END = 1 << 1,  /* where str.splitlines cuts */
    ALPHA = 1 << 2,     /* str.isalpha */
    WORD = 1 << 3,      /* \w */
    LETTER = 1 << 4,    /* [^\W\d_] */
    DIGIT = 1 << 5,     /* [0-9] */
    UPPER = 1 << 6,     /* cased letters of the Latin, Greek and Cyrillic blocks */
    LOWER = 1 << 7,
    SIGN = 1 << 8,        /* split off on both sides */
    QUOTE = 1 << 9,
    PREFIX = 1 << 10,     /* split off at the front, alone */
    ICON = 1 << 11,       /* Unicode category So */
    CURRENCY = 1 << 12,
    PUNCTUATION = 1 << 13,  /* datatrove's PUNCTUATION_SET */
    TERMINAL = 1 << 14,     /* datatrove's TERMINAL_PUNCTUATION */
    SENTENCE_END = 1 << 15, /* spaCy's sentencizer's */
    CATEGORY_P = 1 << 16,   /* Unicode categories P* */
    UNSPACED = 1 << 17,     /* Han, kana, Thai …: a word each, but for English rules */
    MARK = 1 << 18,         /* vowel and tone signs of these, which stay with the one before */
    ANCHOR = 1 << 19,       /* letters at which C4's phrases are looked for */
    LEADING = 1 << 20,      /* vowels that stay with the letter after them */
    SYLLABLE_END = 1 << 21, /* a word ends after it */
    STOP = 1 << 22,         /* terminal signs beyond ASCII: a word each, but for English rules */
    BULLET = 1 << 23,       /* what a list's line begins with, where it is not English */
};

static const struct { const char *name; uint32_t flag; } CLASS_NAMES[] = {
    {"upper", UPPER}, {"lower", LOWER}, {"sign", SIGN}, {"quote", QUOTE}, {"prefix", PREFIX},
    {"icon", ICON}, {"currency", CURRENCY}, {"punctuation", PUNCTUATION}, {"terminal", TERMINAL},
    {"sentence_end", SENTENCE_END}, {"category_p", CATEGORY_P}, {"unspaced", UNSPACED},
    {"mark", MARK}, {"leading", LEADING}, {"syllable_end", SYLLABLE_END}, {"stop", STOP},
    {"bullet", BULLET},
};

#define ASAT 0x103A /* Burmese: the letter under it ends a syllable */
#define KELVIN_SIGN 0x212A /* "k" in lower case, the only sign beyond ASCII that becomes ASCII */
#define CLASSES 0x32400 /* beyond lie no classes but those of Python's own character data */
static uint32_t classes[CLASSES];

static uint32_t python_class(Py_UCS4 c)
{
    uint32_t flags = 0;
    if (Py_UNICODE_ISSPACE(c)) flags |= SPACE;
    if (Py_UNICODE_ISLINEBREAK(c)) flags |= LINE_END;
    if (Py_UNICODE_ISALPHA(c)) flags |= ALPHA;
    if (Py_UNICODE_ISALNUM(c) || c == '_') flags |= WORD;
    if (Py_UNICODE_ISALNUM(c) && !Py_UNICODE_ISDECIMAL(c)) flags |= LETTER;
    if (c >= '0' && c <= '9') flags |= DIGIT;
    return flags;
}

static inline uint32_t class_of(Py_UCS4 c)
{
    return c < CLASSES ? classes[c] : python_class(c);
}

/* ---- the lexicon: exceptions, units, and pairs of words that can begin an exception ---- */

enum { EXCEPTION = 1, UNIT = 2, PAIR = 4 };
#define MAX_PARTS 8
#define LEXICON_SLOTS 8192
#define LEXICON_ENTRIES (LEXICON_SLOTS / 2)
#define LEXICON_LENGTH 31 /* longest entry, so that lengths fit a bit mask */

typedef struct {
    uint64_t hash;
    Py_UCS4 chars[LEXICON_LENGTH];
    uint32_t pair_cuts; /* bits: where a pair's second word may begin */
    uint8_t length, flags, parts, part_length[MAX_PARTS];
} Entry;

static Entry lexicon[LEXICON_ENTRIES];
static uint16_t lexicon_slots[LEXICON_SLOTS]; /* entry + 1 */
static uint32_t lexicon_count;
static uint32_t lexicon_lengths[1024]; /* by first and last character: which occur (a quick no) */
static PyObject *is_url_callback, *join_callback;

/* A polynomial over the code points, modulo 2^64: hash(ab) = hash(a) * BASE^|b| + hash(b), so word
   n-grams are hashed from their words. Equal hashes are always compared in full. */
#define BASE UINT64_C(0x9E3779B97F4A7C15)

static inline uint64_t hash_of(const Py_UCS4 *chars, size_t length)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < length; i++) hash = hash * BASE + chars[i] + 1;
    return hash;
}

static inline uint64_t mixed(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xD6E8FEB86659FD93);
    return hash ^ hash >> 32;
}

static inline uint32_t *lengths_like(const Py_UCS4 *chars, size_t length)
{
    return &lexicon_lengths[(chars[0] * 37 ^ chars[length - 1]) & 1023];
}

static Entry *look_up_closely(const Py_UCS4 *chars, size_t length, uint8_t flags)
{
    uint64_t hash = hash_of(chars, length);
    for (size_t slot = mixed(hash) & (LEXICON_SLOTS - 1); lexicon_slots[slot];
         slot = (slot + 1) & (LEXICON_SLOTS - 1)) {
        Entry *entry = &lexicon[lexicon_slots[slot] - 1];
        if (entry->hash == hash && entry->length == length
            && !memcmp(entry->chars, chars, length * sizeof *chars))
            return entry->flags & flags ? entry : NULL;
    }
    return NULL;
}

static inline Entry *look_up(const Py_UCS4 *chars, size_t length, uint8_t flags)
{
    if (!length || length > LEXICON_LENGTH || !(*lengths_like(chars, length) >> length & 1))
        return NULL;
    return look_up_closely(chars, length, flags);
}

/* ---- the words of a page ---- */

enum { REAL = 1, HAS_LETTER = 2, ENDS_SENTENCE = 4, ONLY_PUNCTUATION = 8 };

typedef struct {
    uint64_t hash, power; /* power = BASE^length */
    const Py_UCS4 *chars;
    uint32_t length, flags, count;
    PyObject *text; /* made when asked for */
} Distinct;

typedef struct {
    uint32_t start, length; /* characters */
    uint32_t first;         /* its first word */
} Run;

typedef struct {
    int by_script; /* 0: words as spaCy has them in English; else scripts without spaces are cut up */
    Distinct *distinct;
    uint32_t distinct_count, distinct_room;
    uint32_t *slots, slot_mask; /* distinct + 1 */
    uint32_t *ids;
    size_t count, room;
    Run *runs;
    size_t run_count, run_room;
    uint8_t *cut; /* MAX_RUN + 1 bytes */
} Words;

#define MAX_RUN 10000 /* a longer run is cut, or a page of "!!!!…" would take minutes */
#define MAX_URL 2000  /* browsers' limit; keeps the URL pattern's backtracking short */

static int make_room(void **items, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room) return 0;
    size_t grown = *room * 2 > wanted ? *room * 2 : wanted + 256;
    void *moved = grown > SIZE_MAX / size ? NULL : PyMem_RawRealloc(*items, grown * size);
    if (!moved) {
        PyErr_NoMemory();
        return -1;
    }
    *items = moved;
    *room = grown;
    return 0;
}

static void words_free(Words *w)
{
    for (uint32_t i = 0; i < w->distinct_count; i++) Py_XDECREF(w->distinct[i].text);
    PyMem_RawFree(w->distinct);
    PyMem_RawFree(w->slots);
    PyMem_RawFree(w->ids);
    PyMem_RawFree(w->runs);
    PyMem_RawFree(w->cut);
}

static int words_init(Words *w, size_t characters, int by_script)
{
    memset(w, 0, sizeof *w);
    w->by_script = by_script;
    uint32_t slots = 1024;
    while (slots < characters / 8 && slots < 1u << 20) slots *= 2;
    w->slots = PyMem_RawCalloc(slots, sizeof *w->slots);
    w->slot_mask = slots - 1;
    w->cut = PyMem_RawMalloc(MAX_RUN + 1);
    if (!w->slots || !w->cut) PyErr_NoMemory();
    else if (!make_room((void **)&w->runs, &w->run_room, 1, sizeof(Run))
             && !make_room((void **)&w->ids, &w->room, 1, sizeof *w->ids))
        return 0;
    words_free(w);
    return -1;
}

static int more_slots(Words *w)
{
    uint32_t slots = (w->slot_mask + 1) * 2;
    uint32_t *grown = PyMem_RawCalloc(slots, sizeof *grown);
    if (!grown) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < w->distinct_count; i++) {
        uint32_t slot = mixed(w->distinct[i].hash) & (slots - 1);
        while (grown[slot]) slot = (slot + 1) & (slots - 1);
        grown[slot] = i + 1;
    }
    PyMem_RawFree(w->slots);
    w->slots = grown;
    w->slot_mask = slots - 1;
    return 0;
}

/* The slot that holds the word, or the empty one where it would go. */
static inline uint32_t *find(Words *w, const Py_UCS4 *chars, size_t length, uint64_t hash)
{
    uint32_t slot = mixed(hash) & w->slot_mask;
    while (w->slots[slot]) {
        Distinct *known = &w->distinct[w->slots[slot] - 1];
        if (known->hash == hash && known->length == length
            && !memcmp(known->chars, chars, length * sizeof *chars))
            break;
        slot = (slot + 1) & w->slot_mask;
    }
    return &w->slots[slot];
}

static int add_distinct(Words *w, const Py_UCS4 *chars, size_t length, uint64_t hash)
{
    size_t room = w->distinct_room;
    if (make_room((void **)&w->distinct, &room, (size_t)w->distinct_count + 1, sizeof(Distinct)))
        return -1;
    w->distinct_room = (uint32_t)room;
    Distinct *new = &w->distinct[w->distinct_count++];
    uint32_t flags = length ? ONLY_PUNCTUATION : 0;
    uint64_t power = 1;
    for (size_t i = 0; i < length; i++) {
        uint32_t class = class_of(chars[i]);
        if (!(class & PUNCTUATION)) flags |= REAL;
        if (class & ALPHA) flags |= HAS_LETTER;
        if (!(class & CATEGORY_P)) flags &= ~(uint32_t)ONLY_PUNCTUATION;
        power *= BASE;
    }
    if (length == 1 && class_of(chars[0]) & (w->by_script ? TERMINAL : SENTENCE_END))
        flags |= ENDS_SENTENCE;
    *new = (Distinct){hash, power, chars, (uint32_t)length, flags, 0, NULL};
    return 0;
}

static int add_word(Words *w, const Py_UCS4 *chars, size_t length, uint64_t hash)
{
    uint32_t *slot = find(w, chars, length, hash);
    if (!*slot) {
        if (add_distinct(w, chars, length, hash)) return -1;
        *slot = w->distinct_count;
        if (w->distinct_count > w->slot_mask / 2) {
            if (more_slots(w)) return -1;
            slot = find(w, chars, length, hash);
        }
    }
    if (make_room((void **)&w->ids, &w->room, w->count + 1, sizeof *w->ids)) return -1;
    w->distinct[*slot - 1].count++;
    w->ids[w->count++] = *slot - 1;
    return 0;
}

/* ---- the rules ---- */

static size_t prefix_length(const Py_UCS4 *run, size_t length)
{
    Py_UCS4 first = run[0], second = length > 1 ? run[1] : 0;
    if (class_of(first) & (SIGN | QUOTE | PREFIX | ICON | CURRENCY)) return 1;
    if (first == '+') return !(class_of(second) & DIGIT);
    if (first == '.' && second == '.') {
        size_t dots = 2;
        while (dots < length && run[dots] == '.') dots++;
        return dots;
    }
    if (first == 'U' && second == 'S' && length > 2 && run[2] == '$') return 3;
    if ((first == 'C' || first == 'A') && second == '$') return 2;
    return 0;
}

static int full_stop_splits(const Py_UCS4 *run, size_t length) /* a single one, at the end */
{
    if (length < 2) return 0;
    Py_UCS4 before = run[length - 2];
    uint32_t class = class_of(before);
    if (class & (DIGIT | SIGN | QUOTE)) return 1;
    if (before == '%' || before == 0xB2 || before == '-' || before == '+' || before == '|'
        || before == ':')
        return 1;
    if (class & LETTER && !(class & UPPER)) return 1;
    if (length < 3) return 0;
    uint32_t earlier = class_of(run[length - 3]);
    if (class & LETTER && earlier & LETTER && !(class & LOWER) && !(earlier & LOWER)) return 1;
    return run[length - 3] == 0xB0
           && (before == 'F' || before == 'f' || before == 'C' || before == 'c' || before == 'K'
               || before == 'k');
}

static size_t suffix_length(const Py_UCS4 *run, size_t length)
{
    if (!length) return 0;
    Py_UCS4 last = run[length - 1];
    uint32_t class = class_of(last);
    if (length > 1 && last == 0x2026 && run[length - 2] == 0x2026) return 2;
    if (class & (SIGN | QUOTE) || last == 0x2014 || last == 0x2013) return 1;
    if (last == '.') {
        size_t dots = 1;
        while (dots < length && run[length - 1 - dots] == '.') dots++;
        return dots > 1 ? dots : (size_t)full_stop_splits(run, length);
    }
    for (size_t size = 4; size > 0; size--) {
        if (size >= length || !(class_of(run[length - size - 1]) & DIGIT)) continue;
        const Py_UCS4 *end = run + length - size;
        if (look_up(end, size, UNIT)) return size;
        if (size == 1 && (class & CURRENCY || last == '+')) return 1;
        if (size == 2 && (end[0] == 'C' || end[0] == 'A') && end[1] == '$') return 2;
        if (size == 3 && end[0] == 'U' && end[1] == 'S' && end[2] == '$') return 3;
    }
    if (length > 1 && (last == 's' || last == 'S')
        && (run[length - 2] == '\'' || run[length - 2] == 0x2019))
        return 2;
    return class & ICON ? 1 : 0;
}

/* Length of the infix at `at`, 0 for none. */
static size_t infix_length(const Py_UCS4 *run, size_t length, size_t at)
{
    Py_UCS4 c = run[at];
    uint32_t class = class_of(c);
    if (class & WORD) return 0;
    uint32_t before = at ? class_of(run[at - 1]) : 0;
    Py_UCS4 next = at + 1 < length ? run[at + 1] : 0;
    uint32_t after = at + 1 < length ? class_of(next) : 0;
    if (c == '.') {
        if (next == '.') {
            size_t dots = 2;
            while (at + dots < length && run[at + dots] == '.') dots++;
            return dots;
        }
        return ((before & LETTER && !(before & UPPER)) || before & QUOTE)
               && ((after & LETTER && !(after & LOWER)) || after & QUOTE);
    }
    if (c == 0x2026) return 1;
    if ((c == '+' || c == '-' || c == '*' || c == '^') && before & DIGIT
        && (after & DIGIT || next == '-'))
        return 1;
    if (c == ',') return before & LETTER && after & LETTER;
    if (before & (LETTER | DIGIT)) {
        if (c == '-' || c == 0x2014) {
            size_t dashes = 1, most = c == '-' ? 3 : 2;
            while (dashes < most && at + dashes < length && run[at + dashes] == c) dashes++;
            if (at + dashes < length && class_of(run[at + dashes]) & LETTER) return dashes;
        }
        else if ((c == 0x2013 || c == '~' || c == ':' || c == '<' || c == '>' || c == '=' || c == '/')
                 && after & LETTER)
            return 1;
    }
    return class & ICON ? 1 : 0;
}

/* 1 or 0, -1 on error. A URL holds a dot; without any of "/?#:@" it ends in a name of letters. */
static int is_url(const Py_UCS4 *run, size_t length)
{
    size_t after_dot = 0;
    int more_than_host = 0;
    if (length > MAX_URL) return 0;
    for (size_t i = 0; i < length; i++) {
        Py_UCS4 c = run[i];
        if (c == '.') after_dot = i + 1;
        else if (c == '/' || c == '?' || c == '#' || c == ':' || c == '@') more_than_host = 1;
    }
    if (!after_dot) return 0;
    if (!more_than_host) {
        if (length - after_dot < 2) return 0;
        int all_digits = 1; /* the end of an IPv4 address */
        int all_letters = 1;
        for (size_t i = after_dot; i < length; i++) {
            uint32_t class = class_of(run[i]);
            if (!(class & LETTER) || class & UPPER) all_letters = 0;
            if (!(class & WORD)) all_digits = 0;
        }
        if (!all_digits && !all_letters) return 0;
    }
    PyObject *text = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, run, (Py_ssize_t)length);
    PyObject *answer = text ? PyObject_CallOneArg(is_url_callback, text) : NULL;
    int yes = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(text);
    Py_XDECREF(answer);
    return yes;
}

static void cut_parts(uint8_t *cut, const Entry *exception)
{
    for (int part = 0; part < exception->parts; part++) {
        *cut = 1;
        cut += exception->part_length[part];
    }
}

/* Abbreviations and emoticons are exceptions everywhere; "im" is "i" and "m" in English alone. */
static const Entry *exception_of(const Words *w, const Py_UCS4 *run, size_t length)
{
    const Entry *exception = look_up(run, length, EXCEPTION);
    return exception && w->by_script && exception->parts > 1 ? NULL : exception;
}

/* Marks where words begin: affixes off, then the middle as an exception, a URL or by infixes. */
static int cut_by_rules(const Words *w, const Py_UCS4 *run, size_t length, uint8_t *cut)
{
    size_t start = 0, end = length;
    memset(cut, 0, length);
    while (start < end && !exception_of(w, run + start, end - start)) {
        size_t prefix = prefix_length(run + start, end - start);
        if (prefix) cut[start] = 1;
        if (prefix && exception_of(w, run + start + prefix, end - start - prefix)) {
            start += prefix;
            break;
        }
        size_t suffix = suffix_length(run + start + prefix, end - start - prefix);
        if (suffix) cut[end - suffix] = 1;
        if (suffix && exception_of(w, run + start, end - start - suffix)) {
            end -= suffix;
            break;
        }
        if (!prefix && !suffix) break;
        start += prefix;
        end -= suffix;
    }
    if (start == end) return 0;
    cut[start] = 1;
    const Entry *exception = exception_of(w, run + start, end - start);
    if (exception) {
        cut_parts(cut + start, exception);
        return 0;
    }
    int asked = 0;
    for (size_t at = 0; at < end - start;) {
        size_t infix = infix_length(run + start, end - start, at);
        if (infix && !asked) {
            int url = is_url(run + start, end - start);
            if (url) return url < 0 ? -1 : 0;
            asked = 1;
        }
        if (infix && at) {
            cut[start + at] = 1;
            if (start + at + infix < end) cut[start + at + infix] = 1;
        }
        at += infix ? infix : 1;
    }
    return 0;
}

/* ":" and ")" may be one word again: Python's rule decides, where two parts of one are neighbours. */
static int join_exceptions(const Py_UCS4 *run, size_t length, uint8_t *cut)
{
    size_t previous = length, at = 0;
    int possible = 0;
    while (at < length && !possible) {
        size_t end = at + 1;
        while (end < length && !cut[end]) end++;
        const Entry *pair =
            previous < length ? look_up(run + previous, end - previous, PAIR) : NULL;
        possible = pair && pair->pair_cuts >> (at - previous) & 1;
        previous = at;
        at = end;
    }
    if (!possible) return 0;
    PyObject *words = PyList_New(0), *joined = NULL, *items = NULL;
    int failed = !words;
    for (at = 0; at < length && !failed;) {
        size_t end = at + 1;
        while (end < length && !cut[end]) end++;
        PyObject *word =
            PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, run + at, (Py_ssize_t)(end - at));
        failed = !word || PyList_Append(words, word);
        Py_XDECREF(word);
        at = end;
    }
    if (!failed) joined = PyObject_CallOneArg(join_callback, words);
    if (joined) items = PySequence_Fast(joined, "words expected");
    if (items) {
        memset(cut, 0, length);
        at = 0;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items) && at < length; i++) {
            cut[at] = 1;
            Py_ssize_t size = PyObject_Length(PySequence_Fast_GET_ITEM(items, i));
            if (size < 0) break;
            at += (size_t)size;
        }
    }
    Py_XDECREF(words);
    Py_XDECREF(joined);
    Py_XDECREF(items);
    return PyErr_Occurred() ? -1 : 0;
}

/* Whether a sign of an unspaced script begins no word of its own, but goes with the one before. */
static inline int joins(const Py_UCS4 *run, size_t length, size_t at)
{
    uint32_t before = at ? class_of(run[at - 1]) : 0;
    if (before & LEADING) return 1;
    return before & UNSPACED
           && (class_of(run[at]) & MARK || (at + 1 < length && run[at + 1] == ASAT));
}

/* Cuts a run at the signs of unspaced scripts and at stops that no English rule knows. */
static void cut_by_script(const Py_UCS4 *run, size_t length, uint8_t *cut)
{
    for (size_t at = 0; at < length; at++) {
        uint32_t class = class_of(run[at]), before = at ? class_of(run[at - 1]) : 0;
        if (class & STOP || before & (STOP | SYLLABLE_END)) cut[at] = 1;
        else if (class & UNSPACED) cut[at] |= !joins(run, length, at);
        else if (before & UNSPACED && !(class & MARK)) cut[at] = 1;
    }
}

static int has_script(const Py_UCS4 *run, size_t length)
{
    for (size_t at = 0; at < length; at++)
        if (class_of(run[at]) & (UNSPACED | STOP | SYLLABLE_END)) return 1;
    return 0;
}

/* `common` holds the flags that all characters of the run share. */
static int add_run(Words *w, const Py_UCS4 *run, size_t length, uint64_t hash, uint32_t common)
{
    const Entry *exception = exception_of(w, run, length);
    int cut_further = w->by_script && has_script(run, length);
    if (!exception && common & ALPHA && !cut_further) return add_word(w, run, length, hash);
    uint8_t *cut = w->cut;
    if (exception || common & ALPHA) {
        memset(cut, 0, length);
        cut[0] = 1;
        if (exception) cut_parts(cut, exception);
    }
    else if (cut_by_rules(w, run, length, cut) || join_exceptions(run, length, cut)) return -1;
    if (cut_further) cut_by_script(run, length, cut);
    for (size_t at = 0; at < length;) {
        size_t end = at + 1;
        while (end < length && !cut[end]) end++;
        if (add_word(w, run + at, end - at, hash_of(run + at, end - at))) return -1;
        at = end;
    }
    return 0;
}

static int add_long_run(Words *w, const Py_UCS4 *run, size_t length)
{
    for (size_t at = 0; at < length; at += MAX_RUN) {
        size_t size = length - at < MAX_RUN ? length - at : MAX_RUN;
        uint32_t common = ~(uint32_t)0;
        for (size_t i = 0; i < size; i++) common &= class_of(run[at + i]);
        if (add_run(w, run + at, size, hash_of(run + at, size), common)) return -1;
    }
    return 0;
}

/* Adds the runs of a text and their words; runs count from its first character. */
static int add_text(Words *w, const Py_UCS4 *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t class = class_of(text[at]), common = ~(uint32_t)0;
        if (class & SPACE) {
            at++;
            continue;
        }
        uint64_t hash = 0;
        size_t start = at;
        while (!(class & SPACE)) {
            common &= class;
            hash = hash * BASE + text[at] + 1;
            if (++at == length) break;
            class = class_of(text[at]);
        }
        if (make_room((void **)&w->runs, &w->run_room, w->run_count + 2, sizeof(Run))) return -1;
        Run run = {(uint32_t)start, (uint32_t)(at - start), (uint32_t)w->count};
        w->runs[w->run_count++] = run;
        int whole = run.length <= MAX_RUN
                    || (common & ALPHA && !(w->by_script && has_script(text + start, run.length)));
        if (whole ? add_run(w, text + start, run.length, hash, common)
                  : add_long_run(w, text + start, run.length))
            return -1;
        w->runs[w->run_count].first = (uint32_t)w->count; /* so that run + 1 ends run */
    }
    return 0;
}

/* How many sentences spaCy's sentencizer would cut a line into (its runs given); at least 1.
   White space other than one space is a word to it, and no punctuation. */
static uint64_t count_sentences(
    const Words *w, const Py_UCS4 *line, size_t length, const Run *runs, size_t run_count, size_t base)
{
    uint64_t sentences = 1;
    int ended = 0;
    size_t at = 0;
    for (size_t i = 0; i <= run_count; i++) {
        size_t start = i < run_count ? runs[i].start - base : length;
        if (start - at > 1 || (start > at && line[at] != ' ')) {
            sentences += (uint64_t)ended;
            ended = 0;
        }
        if (i == run_count) break;
        for (uint32_t word = runs[i].first; word < runs[i + 1].first; word++) {
            uint32_t flags = w->distinct[w->ids[word]].flags;
            if (flags & ENDS_SENTENCE) ended = 1;
            else if (ended && !(flags & ONLY_PUNCTUATION)) {
                sentences++;
                ended = 0;
            }
        }
        at = start + runs[i].length;
    }
    return sentences;
}

#endif
