/* The Python module: `read` and `decode`, over records made by native.py. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(NEON)
#include <arm_neon.h>
#endif

#include "decode_types.h"
#include "decode_math.h"
#include "decode_product.h"
#include "decode_attention.h"
#include "decode_sample.h"
#include "decode_step.h"
#include "decode_run.h"

static int starting(struct Job *job) {
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = run_job(job);
    Py_END_ALLOW_THREADS
    return status;
}

static PyObject *run(PyObject *args, int reading) {
    Py_buffer model, lanes, work;
    long long threads, positions, alone_from;
    if (!PyArg_ParseTuple(args, "y*y*y*LLL", &model, &lanes, &work, &threads, &positions,
                          &alone_from))
        return NULL;
    int status = 0;
    Py_ssize_t wanted = reading ? sizeof(struct Entries) : sizeof(struct Rows);
    if (model.len != sizeof(struct Model) || lanes.len % sizeof(struct Lane) ||
        work.len != wanted || threads < 1) {
        PyErr_SetString(PyExc_ValueError, "records of another layout");
    } else {
        struct Job job = {.model = model.buf, .lanes = lanes.buf, .threads = threads,
                          .positions = positions, .alone_from = alone_from};
        if (reading) job.entries = work.buf;
        else job.rows = work.buf;
        job.alive = reading ? 0 : malloc((size_t)job.rows->count * 4 + 4);
        status = !reading && !job.alive ? 1 : starting(&job);
        free(job.alive);
        if (status == 1) PyErr_NoMemory();
        if (status == 2) 
            PyErr_SetString(PyExc_FloatingPointError,
                            "the model's logits are not finite: its training diverged");
    }
    PyBuffer_Release(&model), PyBuffer_Release(&lanes), PyBuffer_Release(&work);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *read_tokens(PyObject *self, PyObject *args) { (void)self; return run(args, 1); }
static PyObject *decode_tokens(PyObject *self, PyObject *args) { (void)self; return run(args, 0); }

static PyMethodDef methods[] = {
    {"read", read_tokens, METH_VARARGS,
     "read(model, lanes, entries, threads, positions, alone_from): fill lanes, write hidden."},
    {"decode", decode_tokens, METH_VARARGS,
     "decode(model, lanes, rows, threads, positions, alone_from): sample and decode."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, NAME, NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC INIT(void) {
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddStringConstant(made, "INSTRUCTIONS", INSTRUCTIONS)) Py_CLEAR(made);
    return made;
}
