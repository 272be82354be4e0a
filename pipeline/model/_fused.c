/* Row-wise parts of a training step on an AVX-512 CPU in bf16; see fused.py. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma,avx2,f16c")
#include <immintrin.h>
#define AVX512
#define INSTRUCTIONS "avx512"
#else
#define INSTRUCTIONS "portable"
#endif
#include "decode_types.h"
#include "decode_math.h"
#include "fused_parallel.h"
#include "fused_rows.h"

/* Addresses and sizes come as one tuple of integers: what fused.py checked is not checked again. */
enum { MOST = 16 };
typedef long long Numbers[MOST];

static int numbers(PyObject *args, int count, Numbers out) {
    if (PyTuple_GET_SIZE(args) != count) {
        PyErr_Format(PyExc_TypeError, "%d integers wanted", count);
        return 0;
    }
    for (int i = 0; i < count; i++) out[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(args, i));
    return !PyErr_Occurred();
}

static PyObject *finish(Body body, void *work, int64_t rows, int64_t parts) {
    Py_BEGIN_ALLOW_THREADS
    over_rows(body, work, rows, parts);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

#define AT(type, i) ((type *)(intptr_t)n[i])

static PyObject *cross_entropy(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 9, n)) return NULL;
    struct CrossEntropy work = {AT(uint16_t, 2), AT(const int64_t, 3), AT(const float, 4),
                                AT(float, 5), n[6], n[7], AT(float, 8)};
    return finish(cross_entropy_rows, &work, n[0], n[1]);
}

static PyObject *softmax(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 9, n)) return NULL;
    struct Attention work = {AT(uint16_t, 2), AT(const uint16_t, 3), AT(const int32_t, 4),
                             n[5], n[6], n[7], AT(float, 8)};
    return finish(work.p ? softmax_back_rows : softmax_rows, &work, n[0], n[1]);
}

static PyObject *swiglu(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 6, n)) return NULL;
    struct SwiGLU work = {AT(const uint16_t, 2), AT(const uint16_t, 3), AT(uint16_t, 4), n[5]};
    return finish(work.grad ? swiglu_back_rows : swiglu_rows, &work, n[0], n[1]);
}

static PyObject *norm(PyObject *self, PyObject *args) {
    double eps = PyFloat_AsDouble(PyTuple_GetItem(args, 0));
    Numbers n;
    (void)self;
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    int good = rest && numbers(rest, 7, n);
    Py_XDECREF(rest);
    if (!good) return NULL;
    struct Norm work = {AT(const uint16_t, 2), AT(uint16_t, 3), AT(const uint16_t, 4),
                        AT(float, 5), n[6], (float)eps};
    return finish(work.normed ? norm_back_rows : norm_rows, &work, n[0], n[1]);
}

static PyObject *rotate(PyObject *self, PyObject *args) {
    double eps = PyFloat_AsDouble(PyTuple_GetItem(args, 0));
    Numbers n;
    (void)self;
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    int good = rest && numbers(rest, 15, n);
    Py_XDECREF(rest);
    if (!good) return NULL;
    struct Rotate work = {.x = AT(const uint16_t, 2), .y = AT(uint16_t, 3),
                          .normed = AT(uint16_t, 4), .grad = AT(const uint16_t, 5),
                          .cos = AT(const float, 6), .sin = AT(const float, 7),
                          .gains = AT(const float, 8), .grad_gains = AT(float, 9),
                          .scale = AT(float, 10), .heads = n[11], .dim = n[12],
                          .stride = n[13], .tables = n[14], .eps = (float)eps};
    return finish(work.grad ? rotate_back_rows : rotate_rows, &work, n[0], n[1]);
}

static PyMethodDef methods[] = {
    {"cross_entropy", cross_entropy, METH_VARARGS, "Nats; logits become slopes."},
    {"softmax", softmax, METH_VARARGS, "Causal softmax in place, or its backward."},
    {"swiglu", swiglu, METH_VARARGS, "silu(gate) * up, or its backward."},
    {"norm", norm, METH_VARARGS, "RMSNorm without gain, or its backward."},
    {"rotate", rotate, METH_VARARGS, "RMSNorm per head with gain, then RoPE; or its backward."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fused", NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fused(void) {
    find_threads();
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddStringConstant(made, "INSTRUCTIONS", INSTRUCTIONS)) Py_CLEAR(made);
    return made;
}
