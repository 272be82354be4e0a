/* Scores of a compressed fastText classifier with a hierarchical softmax, for fasttext_file.py.
 *
 * The arithmetic is fastText's (dictionary.cc, loss.cc of 0.9.3): a word is the sum of the rows of
 * its character n-grams and its own, a text the mean over all of them, a label's probability the
 * product along its path in a Huffman tree. Three things are done otherwise, for speed: rows were
 * decoded when the model was read; an n-gram's hash is carried on from the shorter one's; and the
 * sums of words seen before are kept. Sums are made word by word whether kept or not, so that a
 * score depends on the text alone; they differ from fastText's in the last bits of a float.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAX_DIM 64
#define USUAL_BUCKETS 2000000u /* fastText's default, and lid.176's */
#define KEPT_BITS 14
#define KEPT_BYTES 24 /* longer words are summed each time */

typedef struct {
    float sum[16];
    uint32_t rows;
    uint8_t bytes;
    char word[KEPT_BYTES];
} Kept;

typedef struct {
    int32_t id; /* of the bucket, -1 for an empty place */
    int32_t row;
} Slot;

typedef struct {
    PyObject_HEAD
    float *rows;    /* words, then n-grams; dim floats each */
    float *output;  /* inner nodes, dim floats each */
    int32_t *tree;  /* left and right child of each node; -1 for a leaf */
    Slot *slots;    /* rows of n-grams by bucket */
    uint64_t *known; /* a bit a bucket: most n-grams of rare words have no row */
    char *letters;  /* the words, one after another */
    uint32_t *ends; /* of each word in letters */
    int32_t *words; /* numbers of words by hash, -1 for an empty place */
    Kept *kept;
    Py_ssize_t n_rows, n_words, n_labels;
    uint32_t slot_mask, word_mask, bucket;
    int dim, minn, maxn;
} Model;

static void Model_free(Model *self) {
    void *parts[] = {self->rows, self->output, self->tree,  self->slots, self->known,
                     self->letters, self->ends, self->words, self->kept};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) PyMem_Free(parts[i]);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static inline uint32_t fnv(uint32_t hash, char byte) {
    return (hash ^ (uint32_t)(int8_t)byte) * 16777619u; /* sign-extended, as fastText has it */
}

#define FNV_START 2166136261u

static uint32_t fnv_of(const char *text, size_t length) {
    uint32_t hash = FNV_START;
    for (size_t i = 0; i < length; i++) hash = fnv(hash, text[i]);
    return hash;
}

static uint32_t power_of_two_above(Py_ssize_t count) {
    uint32_t size = 16;
    while ((Py_ssize_t)size < 2 * count) size *= 2;
    return size;
}

static inline uint32_t scattered(uint32_t id) { return (id * 2654435761u) >> 7; }

static inline int32_t row_of(const Model *self, uint32_t hash) {
    /* a division by a constant is several times as fast as by a variable */
    int32_t id = (int32_t)(self->bucket == USUAL_BUCKETS ? hash % USUAL_BUCKETS
                                                         : hash % self->bucket);
    if (!(self->known[id >> 6] >> (id & 63) & 1)) return -1;
    for (uint32_t at = scattered(id);; at++) {
        const Slot *slot = &self->slots[at & self->slot_mask];
        if (slot->id == id) return slot->row;
        if (slot->id < 0) return -1;
    }
}

static int32_t word_of(const Model *self, const char *word, size_t length, uint32_t hash) {
    for (uint32_t at = scattered(hash);; at++) {
        int32_t number = self->words[at & self->word_mask];
        if (number < 0) return -1;
        uint32_t from = number ? self->ends[number - 1] : 0;
        if (self->ends[number] - from == length && !memcmp(self->letters + from, word, length))
            return number;
    }
}

static inline void add(float *sum, const float *row, int dim) {
    for (int d = 0; d < dim; d++) sum[d] += row[d];
}

/* The rows of a word's n-grams, "<" and ">" around it, added to sum; how many they were. Of two
 * letters at least: fastText leaves out a "<" by itself, and with minn > 1 there is none. */
static uint32_t add_ngrams(const Model *self, const char *word, size_t length, float *sum) {
    uint32_t rows = 0;
    size_t size = length + 2;
#define AT(i) ((i) == 0 ? '<' : (i) == size - 1 ? '>' : word[(i) - 1])
    for (size_t i = 0; i < size; i++) {
        if ((AT(i) & 0xC0) == 0x80) continue;
        uint32_t hash = FNV_START;
        size_t j = i;
        for (int n = 1; j < size && n <= self->maxn; n++) {
            hash = fnv(hash, AT(j));
            for (j++; j < size && (AT(j) & 0xC0) == 0x80; j++) hash = fnv(hash, AT(j));
            if (n < self->minn) continue;
            int32_t row = row_of(self, hash);
            if (row >= 0) {
                add(sum, self->rows + (size_t)row * self->dim, self->dim);
                rows++;
            }
        }
    }
#undef AT
    return rows;
}

static uint32_t sum_word(const Model *self, const char *word, size_t length, uint32_t hash,
                         float *sum) {
    static const char EOS[] = "</s>";
    int is_end = length == 4 && !memcmp(word, EOS, 4);
    int32_t number = word_of(self, word, length, hash);
    uint32_t rows = 0;
    memset(sum, 0, sizeof(float) * self->dim);
    if (number >= 0) {
        add(sum, self->rows + (size_t)number * self->dim, self->dim);
        rows = 1;
    }
    return is_end ? rows : rows + add_ngrams(self, word, length, sum);
}

static uint32_t add_word(Model *self, const char *word, size_t length, float *total) {
    uint32_t hash = fnv_of(word, length);
    float sum[MAX_DIM];
    if (length > KEPT_BYTES || self->dim > 16) {
        uint32_t rows = sum_word(self, word, length, hash, sum);
        add(total, sum, self->dim);
        return rows;
    }
    Kept *kept = &self->kept[scattered(hash) & ((1u << KEPT_BITS) - 1)];
    if (kept->bytes != length || memcmp(kept->word, word, length)) {
        kept->rows = sum_word(self, word, length, hash, kept->sum);
        kept->bytes = (uint8_t)length;
        memcpy(kept->word, word, length);
    }
    add(total, kept->sum, self->dim);
    return kept->rows;
}

static inline int is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static inline float log_of(float x) { return (float)log((double)x + 1e-5); }

/* Log probabilities of all labels below a node. The tree is shallow: it was checked when made. */
static void walk(const Model *self, int32_t node, float score, const float *mean, float *scores) {
    int32_t left = self->tree[2 * node], right = self->tree[2 * node + 1];
    if (left < 0) {
        scores[node] = score;
        return;
    }
    const float *weights = self->output + (size_t)(node - self->n_labels) * self->dim;
    float f = 0;
    for (int d = 0; d < self->dim; d++) f += weights[d] * mean[d];
    f = (float)(1. / (1 + exp(-(double)f)));
    walk(self, left, score + log_of((float)(1.0 - f)), mean, scores);
    walk(self, right, score + log_of(f), mean, scores);
}

static PyObject *Model_scores(Model *self, PyObject *argument) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(argument, &size);
    if (!text) return NULL;
    float total[MAX_DIM] = {0};
    uint64_t rows = 0;
    for (Py_ssize_t i = 0; i < size;) {
        if (is_space(text[i])) {
            i++;
            continue;
        }
        Py_ssize_t start = i;
        while (i < size && !is_space(text[i])) i++;
        rows += add_word(self, text + start, i - start, total);
        if (i - start == 4 && !memcmp(text + start, "</s>", 4)) goto end; /* the line's end */
    }
    rows += add_word(self, "</s>", 4, total);
end:;
    PyObject *result = PyBytes_FromStringAndSize(NULL, rows ? self->n_labels * 4 : 0);
    if (!result || !rows) return result;
    float mean[MAX_DIM], scale = (float)(1.0 / (double)rows);
    for (int d = 0; d < self->dim; d++) mean[d] = total[d] * scale;
    walk(self, (int32_t)(2 * self->n_labels - 2), 0, mean, (float *)PyBytes_AS_STRING(result));
    float *scores = (float *)PyBytes_AS_STRING(result);
    for (Py_ssize_t i = 0; i < self->n_labels; i++) scores[i] = expf(scores[i]);
    return result;
}

static void *copied(const Py_buffer *buffer) {
    void *copy = PyMem_Malloc(buffer->len + 1);
    if (copy) memcpy(copy, buffer->buf, buffer->len);
    return copy;
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
    self->slot_mask = power_of_two_above(ngrams) - 1;
    self->word_mask = power_of_two_above(self->n_words) - 1;
    self->rows = copied(&b[ROWS]);
    self->output = copied(&b[OUTPUT]);
    self->tree = copied(&b[TREE]);
    self->letters = copied(&b[LETTERS]);
    self->ends = copied(&b[ENDS]);
    self->slots = PyMem_Malloc(((size_t)self->slot_mask + 1) * sizeof(Slot));
    self->known = PyMem_Calloc(self->bucket / 64 + 1, sizeof(uint64_t));
    self->words = PyMem_Malloc(((size_t)self->word_mask + 1) * sizeof(int32_t));
    self->kept = PyMem_Calloc((size_t)1 << KEPT_BITS, sizeof(Kept));
    if (!self->rows || !self->output || !self->tree || !self->letters || !self->ends ||
        !self->slots || !self->known || !self->words || !self->kept) {
        PyErr_NoMemory();
        return -1;
    }
    /* children come before their parents, as Huffman's algorithm makes them: no cycles */
    for (Py_ssize_t node = 0; good && node < 2 * self->n_labels - 1; node++)
        for (int side = 0; good && side < 2; side++) {
            int32_t child = self->tree[2 * node + side];
            good = node < self->n_labels ? child == -1 : child >= 0 && child < node;
        }
    uint32_t end = 0;
    memset(self->words, -1, ((size_t)self->word_mask + 1) * sizeof(int32_t));
    for (Py_ssize_t i = 0; good && i < self->n_words; i++) {
        good = self->ends[i] >= end && self->ends[i] <= (uint64_t)b[LETTERS].len;
        if (!good) break;
        uint32_t at = scattered(fnv_of(self->letters + end, self->ends[i] - end));
        while (self->words[at & self->word_mask] >= 0) at++;
        self->words[at & self->word_mask] = (int32_t)i;
        end = self->ends[i];
    }
    memset(self->slots, -1, ((size_t)self->slot_mask + 1) * sizeof(Slot));
    const int32_t *buckets = b[BUCKETS].buf;
    for (Py_ssize_t i = 0; good && i < ngrams; i++) {
        good = buckets[i] >= 0 && (uint32_t)buckets[i] < self->bucket;
        if (!good) break;
        self->known[buckets[i] >> 6] |= 1ull << (buckets[i] & 63);
        uint32_t at = scattered(buckets[i]);
        while (self->slots[at & self->slot_mask].id >= 0) at++;
        self->slots[at & self->slot_mask] = (Slot){buckets[i], (int32_t)(self->n_words + i)};
    }
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
