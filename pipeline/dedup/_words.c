/* Words of a text as dedup compares them: folded, and each as a hash of 64 bits.

   Everything is arithmetic modulo 2^64 on little-endian bytes of UTF-8, so that a text has the same
   hashes on every machine and whichever way Python stores its string. Folding of a character beyond
   ASCII is asked of Python once for each block of 256 (`set_folding`) and remembered.
*/

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_hash.h"

/* ---- hashes -------------------------------------------------------------------------------- */

/* up to 7 bytes as one number */
static inline uint64_t load_rest(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static inline uint64_t hash_bytes(const uint8_t *bytes, size_t length)
{
    uint64_t hash = (uint64_t)length * STEP;
    for (; length >= 8; bytes += 8, length -= 8)
        hash = mix(hash ^ load64(bytes));
    return length ? mix(hash ^ load_rest(bytes, length)) : hash;
}

/* ---- folding ------------------------------------------------------------------------------- */

enum { WORD, SPACE, DIGIT, DROP, ALONE }; /* what a character is */
#define SIGN 8                            /* flag: parts the digits of one number, as 1,000 */
#define BLOCK 256
#define BLOCKS (0x110000 / BLOCK)

typedef struct {
    uint32_t kind;
    uint32_t points[3]; /* what it folds to, ended by 0 */
} Fold;

static Fold *blocks[BLOCKS];
static PyObject *folding; /* block number -> 256 folds as bytes */

static const Fold *load_block(uint32_t number)
{
    if (folding == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "set_folding was not called");
        return NULL;
    }
    PyObject *made = PyObject_CallFunction(folding, "k", (unsigned long)number);
    if (made == NULL)
        return NULL;
    if (!PyBytes_Check(made) || PyBytes_GET_SIZE(made) != (Py_ssize_t)(BLOCK * sizeof(Fold))) {
        Py_DECREF(made);
        PyErr_SetString(PyExc_ValueError, "a block is 256 x 4 numbers of 32 bits");
        return NULL;
    }
    if (blocks[number] == NULL) { /* the call may have loaded it */
        Fold *block = PyMem_Malloc(BLOCK * sizeof(Fold));
        if (block == NULL) {
            Py_DECREF(made);
            PyErr_NoMemory();
            return NULL;
        }
        memcpy(block, PyBytes_AS_STRING(made), BLOCK * sizeof(Fold));
        blocks[number] = block;
    }
    Py_DECREF(made);
    return blocks[number];
}

static inline const Fold *fold_of(Py_UCS4 point)
{
    const Fold *block = blocks[point / BLOCK];
    if (block == NULL && (block = load_block(point / BLOCK)) == NULL)
        return NULL;
    return block + point % BLOCK;
}

/* The words of a text as they come: bytes of the word at hand (of all words, where they are kept),
   hashes of those that are complete. */
typedef struct {
    uint8_t *bytes;
    size_t length, capacity, start;
    uint64_t *hashes;
    size_t count, room;
    int keep;
} Words;

static void free_words(Words *words)
{
    PyMem_Free(words->bytes);
    PyMem_Free(words->hashes);
}

/* room for `more` items of `size` bytes beyond `used`; the array grows by half */
static int reserve(void **array, size_t *capacity, size_t used, size_t more, size_t size)
{
    if (used + more <= *capacity)
        return 0;
    size_t wanted = used + more + used / 2 + 256;
    void *grown = wanted > PY_SSIZE_T_MAX / size ? NULL : PyMem_Realloc(*array, wanted * size);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *array = grown;
    *capacity = wanted;
    return 0;
}

static inline int end_word(Words *words)
{
    if (words->length == words->start)
        return 0;
    if (words->count == words->room
        && reserve((void **)&words->hashes, &words->room, words->count, 1, 8) < 0)
        return -1;
    words->hashes[words->count++]
        = hash_bytes(words->bytes + words->start, words->length - words->start);
    if (words->keep)
        words->bytes[words->length++] = ' '; /* `put` left room for it */
    else
        words->length = 0;
    words->start = words->length;
    return 0;
}

/* one code point as UTF-8; lone surrogates pass as three bytes */
static inline void put_point(Words *words, uint32_t point)
{
    uint8_t *to = words->bytes + words->length;
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        words->length += 1;
    } else if (point < 0x800) {
        to[0] = (uint8_t)(0xC0 | point >> 6);
        to[1] = (uint8_t)(0x80 | (point & 0x3F));
        words->length += 2;
    } else if (point < 0x10000) {
        to[0] = (uint8_t)(0xE0 | point >> 12);
        to[1] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (point & 0x3F));
        words->length += 3;
    } else {
        to[0] = (uint8_t)(0xF0 | (point >> 18 & 7));
        to[1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
        to[2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        to[3] = (uint8_t)(0x80 | (point & 0x3F));
        words->length += 4;
    }
}

static inline int put(Words *words, const Fold *fold)
{
    /* three points of four bytes, and the space that ends the word */
    if (words->length + 13 > words->capacity
        && reserve((void **)&words->bytes, &words->capacity, words->length, 13, 1) < 0)
        return -1;
    for (int i = 0; i < 3 && fold->points[i]; i++)
        put_point(words, fold->points[i]);
    return 0;
}

static uint8_t ascii[128]; /* what ASCII folds to; ' ' = space, '0' = digit, else a letter */

/* Fold characters [from, to) of a string and end the last word. */
static int fold_text(Words *words, PyObject *text, Py_ssize_t from, Py_ssize_t to)
{
    int width = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
#define AT(i) PyUnicode_READ(width, data, i)
    Py_ssize_t i = from;
    while (i < to) {
        Py_UCS4 point = AT(i++);
        if (point < 128 && ascii[point] != '0') { /* most characters of most texts */
            if (ascii[point] == ' ') {
                if (end_word(words) < 0)
                    return -1;
                continue;
            }
            if (words->length + 13 > words->capacity
                && reserve((void **)&words->bytes, &words->capacity, words->length, 13, 1) < 0)
                return -1;
            words->bytes[words->length++] = ascii[point];
            continue;
        }
        const Fold *fold = fold_of(point);
        if (fold == NULL)
            return -1;
        switch (fold->kind & ~(uint32_t)SIGN) {
        case WORD:
            if (put(words, fold) < 0)
                return -1;
            break;
        case SPACE:
            if (end_word(words) < 0)
                return -1;
            break;
        case ALONE:
            if (end_word(words) < 0 || put(words, fold) < 0 || end_word(words) < 0)
                return -1;
            break;
        case DIGIT: { /* 1,000.5 is two numbers: one sign belongs to a number, as in datatrove */
            const Fold *next = NULL;
            int signs = 0;
            for (; i < to; i++) {
                if ((next = fold_of(AT(i))) == NULL)
                    return -1;
                if (next->kind == DIGIT)
                    continue;
                if (!(next->kind & SIGN) || signs || i + 1 >= to)
                    break;
                const Fold *after = fold_of(AT(i + 1));
                if (after == NULL)
                    return -1;
                if (after->kind != DIGIT)
                    break;
                signs = 1;
            }
            if (put(words, fold) < 0)
                return -1;
            break;
        }
        default: /* DROP: a diacritic */
            break;
        }
    }
#undef AT
    return end_word(words);
}

/* The common case, a text of ASCII: one table, no growth (a word is never longer than the text). */
static int fold_ascii(Words *words, const uint8_t *text, size_t from, size_t to)
{
    if (reserve((void **)&words->bytes, &words->capacity, words->length, to - from + 1, 1) < 0)
        return -1;
    uint8_t *bytes = words->bytes;
    size_t i = from;
    while (i < to) {
        uint8_t letter = ascii[text[i]];
        if (letter > '9') {
            size_t length = words->length;
            do {
                bytes[length++] = letter;
            } while (++i < to && (letter = ascii[text[i]]) > '9');
            words->length = length;
        } else if (letter == ' ') {
            if (end_word(words) < 0)
                return -1;
            i++;
        } else {
            while (++i < to && ascii[text[i]] == '0')
                ;
            if (i + 1 < to && (text[i] == '.' || text[i] == ',') && ascii[text[i + 1]] == '0')
                while (++i < to && ascii[text[i]] == '0')
                    ;
            bytes[words->length++] = '0';
        }
    }
    return end_word(words);
}

static int fold_range(Words *words, PyObject *text, Py_ssize_t from, Py_ssize_t to)
{
    if (PyUnicode_IS_ASCII(text))
        return fold_ascii(words, PyUnicode_1BYTE_DATA(text), (size_t)from, (size_t)to);
    return fold_text(words, text, from, to);
}

/* ---- what Python calls --------------------------------------------------------------------- */

static PyObject *set_folding(PyObject *self, PyObject *function)
{
    (void)self;
    if (!PyCallable_Check(function)) {
        PyErr_SetString(PyExc_TypeError, "not a function");
        return NULL;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        PyMem_Free(blocks[i]);
        blocks[i] = NULL;
    }
    Py_XSETREF(folding, Py_NewRef(function));
    const Fold *block = load_block(0);
    if (block == NULL)
        return NULL;
    for (int i = 0; i < 128; i++) {
        uint32_t kind = block[i].kind & ~(uint32_t)SIGN;
        ascii[i] = kind == WORD ? (uint8_t)block[i].points[0] : kind == DIGIT ? '0' : ' ';
    }
    Py_RETURN_NONE;
}

static PyObject *fold(PyObject *self, PyObject *text)
{
    (void)self;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "fold wants a str");
        return NULL;
    }
    Words words = {.keep = 1};
    PyObject *result = NULL;
    if (fold_range(&words, text, 0, PyUnicode_GET_LENGTH(text)) == 0)
        result = PyBytes_FromStringAndSize((char *)words.bytes,
                                           words.length ? (Py_ssize_t)words.length - 1 : 0);
    free_words(&words);
    return result;
}

/* the words' hashes of a str, or of a list of words that are folded already */
static int read_words(Words *words, PyObject *source)
{
    if (PyUnicode_Check(source))
        return fold_range(words, source, 0, PyUnicode_GET_LENGTH(source));
    PyObject *list = PySequence_Fast(source, "wants a str or a sequence of words");
    if (list == NULL)
        return -1;
    size_t count = (size_t)PySequence_Fast_GET_SIZE(list);
    int failed = reserve((void **)&words->hashes, &words->room, 0, count, 8);
    for (size_t i = 0; i < count && !failed; i++) {
        PyObject *word = PySequence_Fast_GET_ITEM(list, (Py_ssize_t)i);
        if (!PyUnicode_Check(word)) {
            PyErr_SetString(PyExc_TypeError, "a word must be a str");
            failed = -1;
        } else if (PyUnicode_IS_ASCII(word)) {
            words->hashes[i]
                = hash_bytes(PyUnicode_1BYTE_DATA(word), (size_t)PyUnicode_GET_LENGTH(word));
        } else {
            PyObject *utf8 = PyUnicode_AsEncodedString(word, "utf-8", "surrogatepass");
            if (utf8 == NULL) {
                failed = -1;
                break;
            }
            words->hashes[i]
                = hash_bytes((uint8_t *)PyBytes_AS_STRING(utf8), (size_t)PyBytes_GET_SIZE(utf8));
            Py_DECREF(utf8);
        }
    }
    words->count = count;
    Py_DECREF(list);
    return failed;
}

static PyObject *numbers(const uint64_t *values, size_t count)
{
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * 8));
    if (result != NULL)
        for (size_t i = 0; i < count; i++)
            store64((uint8_t *)PyBytes_AS_STRING(result) + 8 * i, values[i]);
    return result;
}

/* a hash for each word of a text, or of a sequence of words that are folded already */
static PyObject *hashes(PyObject *self, PyObject *source)
{
    (void)self;
    Words words = {0};
    PyObject *result = read_words(&words, source) == 0 ? numbers(words.hashes, words.count) : NULL;
    free_words(&words);
    return result;
}

/* A text in lower case, as UTF-8, with one space for each run of white space and none at the ends:
   character by character, so that a sigma is the same wherever it stands. */
static PyObject *lower(PyObject *self, PyObject *text)
{
    (void)self;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "lower wants a str");
        return NULL;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    int width = PyUnicode_KIND(text), waits = 0;
    const void *data = PyUnicode_DATA(text);
    /* no character of a string this wide takes more bytes than this, whatever its case */
    size_t most = PyUnicode_IS_ASCII(text) ? 1 : width == 1 ? 2 : width == 2 ? 3 : 4;
    Words words = {0};
    if (reserve((void **)&words.bytes, &words.capacity, 0, (size_t)length * most + 1, 1) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 point = PyUnicode_READ(width, data, i);
        if (Py_UNICODE_ISSPACE(point)) {
            waits = words.length > 0;
            continue;
        }
        if (waits)
            words.bytes[words.length++] = ' ';
        waits = 0;
        if (point < 128)
            words.bytes[words.length++]
                = (uint8_t)(point >= 'A' && point <= 'Z' ? point + 32 : point);
        else
            put_point(&words, Py_UNICODE_TOLOWER(point));
    }
    PyObject *result = PyBytes_FromStringAndSize((char *)words.bytes, (Py_ssize_t)words.length);
    free_words(&words);
    return result;
}

/* A hash of all folded words of each line (or of each run of lines without an empty one between),
   and how many words it has. 0 words: nothing to compare. */
static PyObject *passages(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *text;
    int paragraphs;
    if (!PyArg_ParseTuple(args, "Up", &text, &paragraphs))
        return NULL;
    Py_ssize_t end = PyUnicode_GET_LENGTH(text), from = 0;
    int width = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Words words = {0};
    uint64_t *found = NULL; /* hash and number of words, in turn */
    size_t used = 0, room = 0;
    PyObject *result = NULL;
    for (;;) {
        Py_ssize_t to = from;
        while (to < end
               && !(PyUnicode_READ(width, data, to) == '\n'
                    && (!paragraphs || (to + 1 < end && PyUnicode_READ(width, data, to + 1) == '\n'))))
            to++;
        words.count = 0;
        if (reserve((void **)&found, &room, used, 2, 8) < 0
            || fold_range(&words, text, from, to) < 0)
            goto done;
        uint64_t hash = 0;
        for (size_t i = 0; i < words.count; i++)
            hash = mix(hash ^ words.hashes[i]);
        found[used++] = hash;
        found[used++] = words.count;
        if (to >= end)
            break;
        from = to + (paragraphs ? 2 : 1);
    }
    result = numbers(found, used);
done:
    free_words(&words);
    PyMem_Free(found);
    return result;
}

static PyMethodDef methods[] = {
    {"set_folding", set_folding, METH_O, "Name the function that folds a block of characters."},
    {"fold", fold, METH_O, "The folded words of a text as UTF-8, one space between."},
    {"hashes", hashes, METH_O, "A hash for each word (text, or words that are folded)."},
    {"lower", lower, METH_O, "A text in lower case, white space as one space, as UTF-8."},
    {"passages", passages, METH_VARARGS, "Hash and words of each line (text, paragraphs)."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_words",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__words(void)
{
    return PyModule_Create(&module);
}
