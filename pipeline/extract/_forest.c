/* Sums of decision trees over rows of features, for forest.py.
 *
 * A tree's nodes are eight bytes each: a threshold, a feature, and the distance to the left child;
 * the right child follows the left one. A leaf points at itself with an infinite threshold, so a
 * walk needs no test for leaves: every row of a tree takes the same number of steps, and ROWS rows
 * walk side by side to hide the latency of memory. A row goes left where value <= threshold, as in
 * LightGBM. Leaf values are added in the order of the trees, in double precision: the sums are the
 * same on every machine. The whole model is checked when it is made, so predict() trusts it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define ROWS 8

typedef struct {
    float threshold;
    uint16_t feature;
    uint16_t left; /* from this node on; 0 for a leaf */
} Node;

typedef struct {
    PyObject_HEAD
    Node *nodes;
    float *values;    /* of leaves; 0 elsewhere */
    uint32_t *starts; /* first node of each tree, and the end */
    uint8_t *steps;   /* longest walk of each tree */
    Py_ssize_t trees, count, features;
} Forest;

/* The longest walk of a tree, or -1 if a node points out of it, backwards or at a NaN. */
static int depth_of(const Node *nodes, uint32_t count, uint8_t *depth) {
    int longest = 0;
    memset(depth, 0, count);
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i].left) {
            if (isnan(nodes[i].threshold)) return -1;
            if ((uint64_t)i + nodes[i].left + 1 >= count || depth[i] == UINT8_MAX) return -1;
            uint32_t left = i + nodes[i].left;
            for (uint32_t child = left; child <= left + 1; child++)
                if (depth[child] < depth[i] + 1) depth[child] = depth[i] + 1;
        } else if (depth[i] > longest) {
            longest = depth[i];
        }
    }
    return longest;
}

static void Forest_free(Forest *self) {
    PyMem_Free(self->nodes);
    PyMem_Free(self->values);
    PyMem_Free(self->starts);
    PyMem_Free(self->steps);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int fill(Forest *self, const Py_buffer *nodes, const Py_buffer *values,
                const Py_buffer *starts) {
    Py_ssize_t count = nodes->len / (Py_ssize_t)sizeof(Node);
    Py_ssize_t marks = starts->len / 4;
    if (nodes->len % sizeof(Node) || values->len != count * 4 || starts->len % 4 || marks < 2 ||
        count < 1 || count > UINT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "forest: the lengths of its parts do not agree");
        return -1;
    }
    self->count = count;
    self->trees = marks - 1;
    self->nodes = PyMem_Malloc(nodes->len);
    self->values = PyMem_Malloc(values->len);
    self->starts = PyMem_Malloc(starts->len);
    self->steps = PyMem_Malloc(self->trees);
    uint8_t *depth = PyMem_Malloc(count);
    if (!self->nodes || !self->values || !self->starts || !self->steps || !depth) {
        PyMem_Free(depth);
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->nodes, nodes->buf, nodes->len);
    memcpy(self->values, values->buf, values->len);
    memcpy(self->starts, starts->buf, starts->len);
    int good = self->starts[0] == 0 && self->starts[self->trees] == count;
    for (Py_ssize_t tree = 0; good && tree < self->trees; tree++) {
        uint32_t from = self->starts[tree], to = self->starts[tree + 1];
        int longest = from < to && to <= count ? depth_of(self->nodes + from, to - from, depth) : -1;
        good = longest >= 0;
        self->steps[tree] = good ? (uint8_t)longest : 0;
    }
    for (Py_ssize_t i = 0; good && i < count; i++) {
        if (self->nodes[i].left) {
            if (self->nodes[i].feature >= self->features) self->features = self->nodes[i].feature + 1;
        } else { /* any value, NaN included, has to stay here */
            self->nodes[i].feature = 0;
            self->nodes[i].threshold = INFINITY;
        }
    }
    PyMem_Free(depth);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "forest: a node points out of its tree");
        return -1;
    }
    return 0;
}

static PyObject *Forest_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    Py_buffer nodes, values, starts;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Forest takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "y*y*y*", &nodes, &values, &starts)) return NULL;
    Forest *self = (Forest *)type->tp_alloc(type, 0);
    if (self && fill(self, &nodes, &values, &starts) < 0) Py_CLEAR(self);
    PyBuffer_Release(&nodes);
    PyBuffer_Release(&values);
    PyBuffer_Release(&starts);
    return (PyObject *)self;
}

/* All trees over `n` <= ROWS rows, which lie `width` floats apart and stay in the cache. */
static inline void walk(const Forest *self, const float *rows, size_t width, size_t n,
                        double *sums) {
    for (Py_ssize_t tree = 0; tree < self->trees; tree++) {
        const Node *nodes = self->nodes + self->starts[tree];
        const float *values = self->values + self->starts[tree];
        const Node *at[ROWS];
        for (size_t r = 0; r < n; r++) at[r] = nodes;
        for (int step = self->steps[tree]; step > 0; step--)
            for (size_t r = 0; r < n; r++) {
                const Node *node = at[r];
                /* a leaf's left is 0 and nothing is greater than infinity: it stays where it is */
                at[r] = node + node->left + (rows[r * width + node->feature] > node->threshold);
            }
        for (size_t r = 0; r < n; r++) sums[r] += values[at[r] - nodes];
    }
}

static PyObject *Forest_predict(Forest *self, PyObject *args) {
    Py_buffer matrix;
    Py_ssize_t rows, width;
    if (!PyArg_ParseTuple(args, "y*nn", &matrix, &rows, &width)) return NULL;
    PyObject *result = NULL;
    if (rows < 0 || width < self->features || width < 1 || rows > PY_SSIZE_T_MAX / 8 / width ||
        matrix.len != rows * width * 4 || (uintptr_t)matrix.buf % 4) {
        PyErr_SetString(PyExc_ValueError, "forest: not rows x width float32 values, or too few");
    } else if ((result = PyBytes_FromStringAndSize(NULL, rows * 8))) {
        double *sums = (double *)PyBytes_AS_STRING(result);
        const float *values = matrix.buf;
        memset(sums, 0, rows * 8);
        Py_BEGIN_ALLOW_THREADS
        Py_ssize_t row = 0;
        for (; row + ROWS <= rows; row += ROWS)
            walk(self, values + row * width, width, ROWS, sums + row);
        if (row < rows) walk(self, values + row * width, width, rows - row, sums + row);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&matrix);
    return result;
}

static PyMethodDef METHODS[] = {
    {"predict", (PyCFunction)Forest_predict, METH_VARARGS,
     "predict(matrix, rows, width) -> bytes: a double a row, the sum of the leaves it reaches."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject FOREST = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pipeline.extract._forest.Forest",
    .tp_basicsize = sizeof(Forest),
    .tp_dealloc = (destructor)Forest_free,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Forest(nodes, values, starts): trees, checked and copied.",
    .tp_methods = METHODS,
    .tp_new = Forest_new,
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "pipeline.extract._forest", .m_size = -1,
};

PyMODINIT_FUNC PyInit__forest(void) {
    if (PyType_Ready(&FOREST) < 0) return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddObjectRef(module, "Forest", (PyObject *)&FOREST) < 0)
        Py_CLEAR(module);
    return module;
}
