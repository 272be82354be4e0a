/* Words of a text as 64-bit hashes, for n-gram matching between texts that differ in form only.
 *
 * A word is a run of letters and digits, in lower case; everything else separates. Letters of scripts
 * that are written without spaces (`set_unspaced`) are words of their own. The hash is FNV-1a over the code points, then splitmix64's finaliser, so that the sums of
 * hashes which make an n-gram are as good as random. A word's weight says how much it tells: 2 with
 * two letters or more, 1 for a sign of an unspaced script, 0 for numbers and single letters. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static const uint64_t FNV_BASIS = 0xcbf29ce484222325ULL;
static const uint64_t FNV_PRIME = 0x100000001b3ULL;

static inline uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

#define MOST_RANGES 64
static struct { Py_UCS4 first, last; } unspaced[MOST_RANGES]; /* ascending */
static size_t ranges;

static inline int is_unspaced(Py_UCS4 c)
{
    if (!ranges || c < unspaced[0].first)
        return 0;
    size_t low = 0, high = ranges;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (unspaced[middle].first <= c)
            low = middle;
        else
            high = middle;
    }
    return c <= unspaced[low].last;
}

/* One pass over `kind`-wide characters; writes at most `length` words, returns how many. */
static Py_ssize_t scan(int kind, const void *data, Py_ssize_t length, uint64_t *hashes,
                       int64_t *starts, int64_t *ends, uint8_t *weights)
{
    Py_ssize_t words = 0, start = -1;
    uint64_t hash = FNV_BASIS;
    int letters = 0; /* of the word, at most 2 */
    for (Py_ssize_t i = 0; i <= length; i++) {
        Py_UCS4 c = i < length ? PyUnicode_READ(kind, data, i) : ' ';
        int letter, digit, alone = 0;
        if (c < 128) {
            if (c >= 'A' && c <= 'Z')
                c += 32;
            letter = c >= 'a' && c <= 'z';
            digit = c >= '0' && c <= '9';
        } else {
            letter = Py_UNICODE_ISALPHA(c);
            digit = !letter && Py_UNICODE_ISALNUM(c);
            alone = letter && is_unspaced(c);
            c = Py_UNICODE_TOLOWER(c);
        }
        if (start >= 0 && ((!letter && !digit) || alone)) {
            hashes[words] = mixed(hash);
            starts[words] = start;
            ends[words] = i;
            weights[words] = letters > 1 ? 2 : 0;
            words++;
            start = -1;
        }
        if (!letter && !digit)
            continue;
        if (start < 0) {
            start = i;
            hash = FNV_BASIS;
            letters = 0;
        }
        hash = (hash ^ c) * FNV_PRIME;
        if (letter && letters < 2)
            letters++;
        if (alone) {
            hashes[words] = mixed(hash);
            starts[words] = start;
            ends[words] = i + 1;
            weights[words] = 1;
            words++;
            start = -1;
        }
    }
    return words;
}

static PyObject *words(PyObject *self, PyObject *text)
{
    (void)self;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "a text is needed");
        return NULL;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (length > PY_SSIZE_T_MAX / 32) {
        PyErr_SetString(PyExc_OverflowError, "the text is too long");
        return NULL;
    }
    /* every word is at least one character, so a text has no more words than characters */
    size_t room = (size_t)(length ? length : 1) * 8;
    char *space = PyMem_Malloc(room * 3 + room / 8);
    if (space == NULL)
        return PyErr_NoMemory();
    uint64_t *hashes = (uint64_t *)space;
    int64_t *starts = (int64_t *)(space + room), *ends = (int64_t *)(space + 2 * room);
    uint8_t *weights = (uint8_t *)(space + 3 * room);
    Py_ssize_t count =
        scan(PyUnicode_KIND(text), PyUnicode_DATA(text), length, hashes, starts, ends, weights);
    PyObject *result =
        Py_BuildValue("(y#y#y#y#)", (char *)hashes, count * 8, (char *)starts, count * 8,
                      (char *)ends, count * 8, (char *)weights, count);
    PyMem_Free(space);
    return result;
}

/* [(first, last), …] in order: the scripts whose letters are words. */
static PyObject *set_unspaced(PyObject *self, PyObject *given)
{
    (void)self;
    PyObject *items = PySequence_Fast(given, "a sequence of ranges is needed");
    if (items == NULL)
        return NULL;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    ranges = 0;
    for (Py_ssize_t i = 0; i < count && count <= MOST_RANGES; i++) {
        PyObject *range = PySequence_Fast_GET_ITEM(items, i);
        unsigned int first, last;
        if (!PyTuple_Check(range) || !PyArg_ParseTuple(range, "II", &first, &last))
            break;
        unspaced[i].first = first;
        unspaced[i].last = last;
        ranges++;
    }
    Py_DECREF(items);
    if ((Py_ssize_t)ranges != count) {
        ranges = 0;
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "at most 64 pairs of code points");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_unspaced", set_unspaced, METH_O, "Name the ranges of scripts without spaces."},
    {"words", words, METH_O,
     "words(text) -> (hashes, starts, ends, weights): uint64, int64, int64, uint8 as bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_ngrams", "Words of a text as 64-bit hashes.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__ngrams(void)
{
    return PyModule_Create(&definition);
}
