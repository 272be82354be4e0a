/* The Python module of the row-wise parts of a training step; see fused.py. */
#include <stdlib.h>

#include "decode_types.h"
#include "decode_math.h"
#include "fused_parallel.h"

static float bf16_float(uint16_t half) {
    union { uint32_t bits; float value; } u = {(uint32_t)half << 16};
    return u.value;
}

static uint16_t float_bf16(float value) {
    union { float value; uint32_t bits; } u = {value};
    return (uint16_t)((u.bits + 0x7fff + ((u.bits >> 16) & 1)) >> 16);
}

/* Addresses and sizes come as one tuple of integers: what fused.py checked is not checked again. */
enum { MOST = 20 };
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

#define REAL uint16_t
#define LOAD load_bf16
#define STORE store_bf16
#define WIDEN bf16_float
#define NARROW float_bf16
#define AS(name) name##_bf16
#include "fused_rows.h"
#include "fused_calls.h"
#undef REAL
#undef LOAD
#undef STORE
#undef WIDEN
#undef NARROW
#undef AS

#define REAL float
#define LOAD load
#define STORE store
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define AS(name) name##_f32
#include "fused_rows.h"
#include "fused_calls.h"

#include "fused_softmax.h"
#include "fused_attention.h"

#define BOTH(name, says)                         \
    {#name "_bf16", name##_bf16, METH_VARARGS, says}, {#name "_f32", name##_f32, METH_VARARGS, says}

static PyMethodDef methods[] = {
    BOTH(cross_entropy, "Nats; logits become slopes."),
    BOTH(swiglu, "silu(gate) * up, or its backward."),
    BOTH(norm, "RMSNorm without gain, or its backward."),
    BOTH(rotate, "RMSNorm per head with gain, then RoPE; or its backward."),
    {"softmax", softmax, METH_VARARGS, "Causal softmax of bf16 in place, or its backward."},
    {"attention", attention, METH_VARARGS, "Causal attention in float32."},
    {"attention_back", attention_back, METH_VARARGS, "Its backward."},
    {"attention_scratch", attention_scratch, METH_VARARGS, "Floats that each thread needs."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, NAME, NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC INIT(void) {
    find_threads();
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddStringConstant(made, "INSTRUCTIONS", INSTRUCTIONS)) Py_CLEAR(made);
    return made;
}
