/* Connected components over numbered documents: union-find in one array of 32-bit numbers.

   The root of a component is its smallest number, whatever the order of the pairs. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define BROKEN UINT32_MAX /* no number: an array has UINT32_MAX entries at most */

/* A parent is never greater than its child: that keeps every walk inside the array and finite, and
   is checked as the walk goes, for a check of the whole array at each call would be quadratic. */
static inline uint32_t root_of(uint32_t *parents, uint32_t number)
{
    for (;;) {
        uint32_t parent = parents[number];
        if (parent == number)
            return number;
        if (parent > number)
            return BROKEN;
        uint32_t above = parents[parent];
        if (above > parent)
            return BROKEN;
        parents[number] = above; /* path halving */
        number = above;
    }
}

static int open_parents(Py_buffer *buffer, const char *who)
{
    if (buffer->len % 4 || (uintptr_t)buffer->buf % 4 || buffer->len / 4 > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s wants an array of 32-bit numbers", who);
        return -1;
    }
    return 0;
}

static PyObject *join(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer parents, pairs;
    if (!PyArg_ParseTuple(args, "w*y*", &parents, &pairs))
        return NULL;
    PyObject *result = NULL;
    size_t count = (size_t)parents.len / 4, total = (size_t)pairs.len / 8, done = 0;
    uint32_t *parent = parents.buf;
    const uint32_t *pair = pairs.buf;
    if (open_parents(&parents, "join") < 0)
        goto end;
    if (pairs.len % 8 || (uintptr_t)pairs.buf % 4) {
        PyErr_SetString(PyExc_ValueError, "join wants pairs of 32-bit numbers");
        goto end;
    }
    int broken = 0;
    Py_BEGIN_ALLOW_THREADS
    for (; done < total; done++) {
        uint32_t left = pair[2 * done], right = pair[2 * done + 1];
        if (left >= count || right >= count)
            break;
        left = root_of(parent, left);
        right = root_of(parent, right);
        if (left == BROKEN || right == BROKEN) {
            broken = 1;
            break;
        }
        if (left < right)
            parent[right] = left;
        else
            parent[left] = right;
    }
    Py_END_ALLOW_THREADS
    if (broken)
        PyErr_SetString(PyExc_ValueError, "a parent is greater than its child");
    else if (done < total)
        PyErr_Format(PyExc_ValueError, "pair %zu names a document beyond the last", done);
    else
        result = Py_NewRef(Py_None);
end:
    PyBuffer_Release(&parents);
    PyBuffer_Release(&pairs);
    return result;
}

/* every number's parent becomes its root: parents come first, so one walk upwards is enough */
static PyObject *flatten(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer parents;
    if (!PyArg_ParseTuple(args, "w*", &parents))
        return NULL;
    PyObject *result = NULL;
    size_t count = (size_t)parents.len / 4;
    uint32_t *parent = parents.buf;
    if (open_parents(&parents, "flatten") == 0) {
        size_t i = 0;
        for (; i < count && parent[i] <= i; i++)
            parent[i] = parent[parent[i]];
        if (i < count)
            PyErr_SetString(PyExc_ValueError, "a parent is greater than its child");
        else
            result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&parents);
    return result;
}

static PyMethodDef methods[] = {
    {"join", join, METH_VARARGS, "Join pairs of numbers (parents, pairs), in place."},
    {"flatten", flatten, METH_VARARGS, "Make every parent its component's root, in place."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_components",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__components(void)
{
    return PyModule_Create(&module);
}
