/* Looks a line up in a sorted block of lines, for url.py: lists of millions of lines stay as they
 * come out of their archive, in one piece that forked processes share. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

/* Negative if the line that begins at `at` sorts before the key, 0 if it is the key. */
static int compare(const char *at, Py_ssize_t length, const char *key, Py_ssize_t key_length) {
    Py_ssize_t shorter = length < key_length ? length : key_length;
    int order = memcmp(at, key, (size_t)shorter);
    return order ? order : (length > key_length) - (length < key_length);
}

static PyObject *holds(PyObject *self, PyObject *args) {
    Py_buffer block, key;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*", &block, &key)) return NULL;
    const char *lines = block.buf;
    Py_ssize_t low = 0, high = block.len;
    int found = 0;
    while (!found && low < high) {
        Py_ssize_t start = (low + high) / 2;
        while (start > low && lines[start - 1] != '\n') start--;
        const char *end = memchr(lines + start, '\n', (size_t)(block.len - start));
        Py_ssize_t length = end ? end - (lines + start) : block.len - start;
        int order = compare(lines + start, length, key.buf, key.len);
        if (order == 0) found = 1;
        else if (order < 0) low = start + length + 1;
        else high = start;
    }
    PyBuffer_Release(&block);
    PyBuffer_Release(&key);
    return PyBool_FromLong(found);
}

static PyMethodDef METHODS[] = {
    {"holds", holds, METH_VARARGS,
     "holds(block, key) -> bool: whether the key is one of the block's lines, sorted by bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "pipeline.filters._lines", .m_size = -1, .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__lines(void) { return PyModule_Create(&MODULE); }
