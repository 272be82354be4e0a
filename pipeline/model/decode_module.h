/* The Python module: `run`, over records made by native.py. */
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
#include "decode_pool.h"

static PyObject *run(PyObject *self, PyObject *args) {
    (void)self;
    Py_buffer model, work;
    long long threads, positions, alone_from;
    if (!PyArg_ParseTuple(args, "y*y*LLL", &model, &work, &threads, &positions, &alone_from))
        return NULL;
    if (model.len != sizeof(struct Model) || work.len != sizeof(struct Batch) || threads < 1) {
        PyErr_SetString(PyExc_ValueError, "records of another layout");
    } else {
        struct Job job = {.model = model.buf, .batch = work.buf, .threads = threads,
                          .positions = positions, .alone_from = alone_from,
                          .lock = PTHREAD_MUTEX_INITIALIZER};
        job.alive = malloc((size_t)job.batch->rows * 4 + 4);
        job.left = malloc((size_t)job.batch->rows * 4 + 4);
        int status = 1;
        if (job.alive && job.left) {
            Py_BEGIN_ALLOW_THREADS
            status = run_job(&job);
            Py_END_ALLOW_THREADS
        }
        free(job.alive), free(job.left);
        if (status == 1) PyErr_NoMemory();
        if (status == 2)
            PyErr_SetString(PyExc_FloatingPointError,
                            "the model's logits are not finite: its training diverged");
    }
    PyBuffer_Release(&model), PyBuffer_Release(&work);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"run", run, METH_VARARGS,
     "run(model, batch, threads, positions, alone_from): read tokens, sample, decode."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, NAME, NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC INIT(void) {
    if (!ready_for_forks()) return PyErr_NoMemory();
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddStringConstant(made, "INSTRUCTIONS", INSTRUCTIONS)) Py_CLEAR(made);
    if (made && PyModule_AddIntConstant(made, "PAGE", PAGE)) Py_CLEAR(made);
    return made;
}
