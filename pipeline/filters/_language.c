/* Scores of a compressed fastText classifier with a hierarchical softmax, for fasttext_file.py.
 *
 * The arithmetic is fastText's (dictionary.cc, loss.cc of 0.9.3): a word is the sum of the rows of
 * its character n-grams and its own, a text the mean over all of them (_language_words.h), a label's
 * probability the product along its path in a Huffman tree (_language_tree.h).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "_language_tree.h"
#include "_language_words.h"

static void Model_free(Model *self) {
    void *parts[] = {self->block, self->output, self->tree, self->parent, self->known,
                     self->before, self->letters, self->ends, self->words, self->kept_block,
                     self->marked};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) PyMem_Free(parts[i]);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* The mean of a text's rows: 1, 0 if it has none, -1 on error. */
static int mean_of(Model *self, PyObject *text, float *mean) {
    Py_ssize_t size;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "a text is needed");
        return -1;
    }
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8) return -1;
    size_t room = (size_t)size + sizeof "</s>" + sizeof "<>";
    if (room > self->marked_room) {
        char *marked = PyMem_Realloc(self->marked, 2 * room);
        if (!marked) {
            PyErr_NoMemory();
            return -1;
        }
        self->marked = marked;
        self->marked_room = 2 * room;
    }
    float total[MAX_DIM] = {0};
    uint64_t rows = add_text(self, utf8, (size_t)size, total);
    if (!rows) return 0;
    float scale = (float)(1.0 / (double)rows);
    for (int d = 0; d < self->dim; d++) mean[d] = total[d] * scale;
    return 1;
}

static PyObject *Model_scores(Model *self, PyObject *text) {
    float mean[MAX_DIM];
    int found = mean_of(self, text, mean);
    if (found < 0) return NULL;
    PyObject *result = PyBytes_FromStringAndSize(NULL, found ? self->n_labels * 4 : 0);
    if (!result || !found) return result;
    float *scores = (float *)PyBytes_AS_STRING(result);
    walk(self, (int32_t)(2 * self->n_labels - 2), 0, mean, scores);
    for (Py_ssize_t i = 0; i < self->n_labels; i++) scores[i] = expf(scores[i]);
    return result;
}

static PyObject *Model_best(Model *self, PyObject *text) {
    float mean[MAX_DIM];
    int found = mean_of(self, text, mean);
    if (found < 0) return NULL;
    if (!found) Py_RETURN_NONE;
    Best best = best_of(self, mean);
    return Py_BuildValue("(if)", best.label, best.score);
}

/* The scores of a few labels need no others. */
static PyObject *Model_some(Model *self, PyObject *args) {
    PyObject *text, *labels, *scores;
    float mean[MAX_DIM];
    if (!PyArg_ParseTuple(args, "OO!", &text, &PyTuple_Type, &labels)) return NULL;
    int found = mean_of(self, text, mean);
    if (found < 0) return NULL;
    if (!found) Py_RETURN_NONE;
    Py_ssize_t count = PyTuple_GET_SIZE(labels);
    scores = PyTuple_New(count);
    for (Py_ssize_t i = 0; scores && i < count; i++) {
        Py_ssize_t label = PyNumber_AsSsize_t(PyTuple_GET_ITEM(labels, i), PyExc_IndexError);
        PyObject *score = NULL;
        if (label >= 0 && label < self->n_labels)
            score = PyFloat_FromDouble(score_of(self, (int32_t)label, mean));
        else if (!PyErr_Occurred())
            PyErr_SetString(PyExc_IndexError, "no such label");
        if (!score) Py_CLEAR(scores);
        else PyTuple_SET_ITEM(scores, i, score);
    }
    return scores;
}

static void *copied(const Py_buffer *buffer) {
    void *copy = PyMem_Malloc(buffer->len + 1);
    if (copy) memcpy(copy, buffer->buf, buffer->len);
    return copy;
}

/* Room for `size` bytes that begins where a cache line does; `block` is what is freed. */
static void *aligned(void **block, size_t size) {
    *block = PyMem_Calloc(size + LINE, 1);
    return *block ? (char *)*block + LINE - (uintptr_t)*block % LINE : NULL;
}

static uint32_t power_of_two_above(Py_ssize_t count) {
    uint32_t size = 16;
    while ((Py_ssize_t)size < 2 * count) size *= 2;
    return size;
}

/* Children come before their parents, as Huffman's algorithm makes them, and have one: no cycles. */
static int fill_tree(Model *self) {
    int32_t nodes = (int32_t)(2 * self->n_labels - 1);
    memset(self->parent, -1, (size_t)nodes * sizeof(int32_t));
    for (int32_t node = 0; node < nodes; node++)
        for (int side = 0; side < 2; side++) {
            int32_t child = self->tree[2 * node + side];
            if (node < self->n_labels) {
                if (child != -1) return 0;
                continue;
            }
            if (child < 0 || child >= node || self->parent[child] >= 0) return 0;
            self->parent[child] = 2 * node + side;
        }
    return 1;
}

static int fill_words(Model *self, Py_ssize_t letters) {
    uint32_t end = 0;
    memset(self->words, -1, ((size_t)self->word_mask + 1) * sizeof(Word));
    for (Py_ssize_t i = 0; i < self->n_words; i++) {
        if (self->ends[i] < end || self->ends[i] > (uint64_t)letters) return 0;
        uint32_t hash = fnv_of(self->letters + end, self->ends[i] - end), at = scattered(hash);
        while (self->words[at & self->word_mask].number >= 0) at++;
        self->words[at & self->word_mask] = (Word){hash, (int32_t)i};
        end = self->ends[i];
    }
    return 1;
}

/* Rows of n-grams in the order of their buckets. */
static int fill_ngrams(Model *self, const int32_t *buckets, const float *rows, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        if (buckets[i] < 0 || (uint32_t)buckets[i] >= self->bucket) return 0;
        uint64_t bit = UINT64_C(1) << (buckets[i] & 63);
        if (self->known[buckets[i] >> 6] & bit) return 0;
        self->known[buckets[i] >> 6] |= bit;
    }
    for (uint32_t i = 0; i < self->bucket / 64; i++)
        self->before[i + 1] = self->before[i] + (uint32_t)bits_of(self->known[i]);
    for (Py_ssize_t i = 0; i < count; i++)
        memcpy((float *)row_of(self, (uint32_t)buckets[i]), rows + i * self->dim,
               sizeof(float) * (size_t)self->dim);
    return 1;
}

static int fill(Model *self, Py_buffer *b) {
    enum { ROWS, OUTPUT, TREE, LETTERS, ENDS, BUCKETS };
    Py_ssize_t width = 4 * (Py_ssize_t)self->dim, ngrams = b[BUCKETS].len / 4;
    self->n_rows = b[ROWS].len / width;
    self->n_words = b[ENDS].len / 4;
    self->n_labels = (b[TREE].len / 8 + 1) / 2;
    int good = b[ROWS].len % width == 0 && self->n_rows == self->n_words + ngrams &&
               self->n_labels > 1 && b[TREE].len == 8 * (2 * self->n_labels - 1) &&
               b[OUTPUT].len >= (self->n_labels - 1) * width && self->n_rows < INT32_MAX / 4;
    self->word_mask = power_of_two_above(self->n_words) - 1;
    self->rows = aligned(&self->block, (size_t)b[ROWS].len);
    self->output = copied(&b[OUTPUT]);
    self->tree = copied(&b[TREE]);
    self->parent = PyMem_Malloc((size_t)b[TREE].len + 1);
    self->letters = copied(&b[LETTERS]);
    self->ends = copied(&b[ENDS]);
    self->known = PyMem_Calloc(self->bucket / 64 + 1, sizeof(uint64_t));
    self->before = PyMem_Calloc(self->bucket / 64 + 1, sizeof(uint32_t));
    self->words = PyMem_Malloc(((size_t)self->word_mask + 1) * sizeof(Word));
    self->kept = aligned(&self->kept_block, sizeof(Kept) << KEPT_BITS);
    if (!self->rows || !self->output || !self->tree || !self->parent || !self->letters ||
        !self->ends || !self->known || !self->before || !self->words || !self->kept) {
        PyErr_NoMemory();
        return -1;
    }
    if (good) memcpy(self->rows, b[ROWS].buf, (size_t)(self->n_words * width));
    good = good && fill_tree(self) && fill_words(self, b[LETTERS].len) &&
           fill_ngrams(self, b[BUCKETS].buf, (float *)b[ROWS].buf + self->n_words * self->dim,
                       ngrams);
    if (!good) PyErr_SetString(PyExc_ValueError, "language model: its parts do not agree");
    return good ? 0 : -1;
}

static PyObject *Model_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    Py_buffer parts[6];
    int dim, minn, maxn;
    unsigned int bucket;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Model takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*iiiI", &parts[0], &parts[1], &parts[2], &parts[3],
                          &parts[4], &parts[5], &dim, &minn, &maxn, &bucket))
        return NULL;
    Model *self = NULL;
    if (dim < 1 || dim > MAX_DIM || minn < 2 || maxn < minn || bucket < 1 || bucket > INT32_MAX)
        PyErr_SetString(PyExc_ValueError, "language model: a size out of range");
    else if ((self = (Model *)type->tp_alloc(type, 0))) {
        self->dim = dim, self->minn = minn, self->maxn = maxn, self->bucket = bucket;
        if (fill(self, parts) < 0) Py_CLEAR(self);
    }
    for (int i = 0; i < 6; i++) PyBuffer_Release(&parts[i]);
    return (PyObject *)self;
}

static PyMethodDef METHODS[] = {
    {"scores", (PyCFunction)Model_scores, METH_O,
     "scores(text) -> bytes: a float32 a label, its probability; b'' if the text has no features."},
    {"best", (PyCFunction)Model_best, METH_O,
     "best(text) -> (label, score): the first of the highest scores; None without features."},
    {"some", (PyCFunction)Model_some, METH_VARARGS,
     "some(text, labels) -> the scores of these labels, as a tuple; None without features."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject MODEL = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pipeline.filters._language.Model",
    .tp_basicsize = sizeof(Model),
    .tp_dealloc = (destructor)Model_free,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Model(rows, output, tree, letters, ends, buckets, dim, minn, maxn, bucket)",
    .tp_methods = METHODS,
    .tp_new = Model_new,
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "pipeline.filters._language", .m_size = -1,
};

PyMODINIT_FUNC PyInit__language(void) {
    if (PyType_Ready(&MODEL) < 0) return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddObjectRef(module, "Model", (PyObject *)&MODEL) < 0)
        Py_CLEAR(module);
    return module;
}
