/* What Python calls, once a type: see fused_rows.h for REAL and AS. */

static PyObject *AS(cross_entropy)(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 9, n)) return NULL;
    struct AS(CrossEntropy) work = {AT(REAL, 2), AT(const int64_t, 3), AT(const float, 4),
                                AT(float, 5), n[6], n[7], AT(float, 8)};
    return finish(AS(cross_entropy_rows), &work, n[0], n[1]);
}

static PyObject *AS(swiglu)(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 6, n)) return NULL;
    struct AS(SwiGLU) work = {AT(const REAL, 2), AT(const REAL, 3), AT(REAL, 4), n[5]};
    return finish(work.grad ? AS(swiglu_back_rows) : AS(swiglu_rows), &work, n[0], n[1]);
}

static PyObject *AS(norm)(PyObject *self, PyObject *args) {
    double eps = PyFloat_AsDouble(PyTuple_GetItem(args, 0));
    Numbers n;
    (void)self;
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    int good = rest && numbers(rest, 7, n);
    Py_XDECREF(rest);
    if (!good) return NULL;
    struct AS(Norm) work = {AT(const REAL, 2), AT(REAL, 3), AT(const REAL, 4),
                        AT(float, 5), n[6], (float)eps};
    return finish(work.normed ? AS(norm_back_rows) : AS(norm_rows), &work, n[0], n[1]);
}

static PyObject *AS(rotate)(PyObject *self, PyObject *args) {
    double eps = PyFloat_AsDouble(PyTuple_GetItem(args, 0));
    Numbers n;
    (void)self;
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    int good = rest && numbers(rest, 15, n);
    Py_XDECREF(rest);
    if (!good) return NULL;
    struct AS(Rotate) work = {.x = AT(const REAL, 2), .y = AT(REAL, 3),
                          .normed = AT(REAL, 4), .grad = AT(const REAL, 5),
                          .cos = AT(const float, 6), .sin = AT(const float, 7),
                          .gains = AT(const float, 8), .grad_gains = AT(float, 9),
                          .scale = AT(float, 10), .heads = n[11], .dim = n[12],
                          .stride = n[13], .tables = n[14], .eps = (float)eps};
    return finish(work.grad ? AS(rotate_back_rows) : AS(rotate_rows), &work, n[0], n[1]);
}
