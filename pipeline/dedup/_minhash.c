/* MinHash signatures: hashes of words to shingles, and of these the least of every function.

   Integers modulo 2^64, kept as little-endian bytes: the same on every machine.
*/

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_hash.h"

#define SHINGLE_BASE UINT64_C(0xD1342543DE82EF95) /* odd; L'Ecuyer's multiplier for 2^64 */

/* Functions are taken sixteen at a time, which is what fits a processor's registers. The order of
   two's complement stands for the unsigned one: the caller has flipped the offsets' top bits, since
   processors compare signed numbers faster. */
#define TILE 16

#if defined(__GNUC__)
/* eight lanes, in whatever registers the function is compiled for */
typedef uint64_t Lanes __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t Signed __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) void
least_of_tile(const uint64_t *shingles, size_t count, const uint64_t *factors,
              const uint64_t *offsets, int64_t *least)
{
    const Lanes factor0 = *(const Lanes *)factors, factor1 = *(const Lanes *)(factors + 8);
    const Lanes offset0 = *(const Lanes *)offsets, offset1 = *(const Lanes *)(offsets + 8);
    Signed low0 = (Signed){0} + INT64_MAX, low1 = low0;
    for (size_t i = 0; i < count; i++) {
        const Signed hash0 = (Signed)(shingles[i] * factor0 + offset0);
        const Signed hash1 = (Signed)(shingles[i] * factor1 + offset1);
        const Signed less0 = hash0 < low0, less1 = hash1 < low1;
        low0 = (hash0 & less0) | (low0 & ~less0);
        low1 = (hash1 & less1) | (low1 & ~less1);
    }
    memcpy(least, &low0, sizeof low0);
    memcpy(least + 8, &low1, sizeof low1);
}
#else
static inline void least_of_tile(const uint64_t *shingles, size_t count, const uint64_t *factors,
                                 const uint64_t *offsets, int64_t *least)
{
    for (int j = 0; j < TILE; j++)
        least[j] = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < TILE; j++) {
            int64_t hash = (int64_t)(shingles[i] * factors[j] + offsets[j]);
            least[j] = hash < least[j] ? hash : least[j];
        }
}
#endif

typedef void Least(const uint64_t *, size_t, const uint64_t *, const uint64_t *, int64_t *);

/* the same, compiled for wider registers; integers, so all give the same */
#define COMPILED_AS(name) \
    static void name(const uint64_t *shingles, size_t count, const uint64_t *factors, \
                     const uint64_t *offsets, int64_t *least) \
    { \
        least_of_tile(shingles, count, factors, offsets, least); \
    }
COMPILED_AS(least_plain)
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) COMPILED_AS(least_avx2)
__attribute__((target("avx512f,avx512dq,prefer-vector-width=512"))) COMPILED_AS(least_avx512)
#endif

/* the widest that this processor has, or the one asked for by its width in bits; NULL if it lacks it */
static Least *least_of_width(int bits)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if ((bits == 0 || bits == 512) && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512f"))
        return least_avx512;
    if ((bits == 0 || bits == 256) && __builtin_cpu_supports("avx2"))
        return least_avx2;
#endif
    return bits == 0 || bits == 64 ? least_plain : NULL;
}

static Least *least_chosen;

/* hashes of words into shingles, in place: a polynomial rolled over the words, then mixed */
static size_t shingle(uint64_t *hashes, size_t count, size_t ngram)
{
    if (ngram == 0 || count < ngram)
        return 0;
    uint64_t power = 1, sum = 0;
    for (size_t i = 0; i < ngram; i++) {
        sum = sum * SHINGLE_BASE + hashes[i];
        if (i)
            power *= SHINGLE_BASE;
    }
    for (size_t i = 0; i + ngram < count; i++) {
        uint64_t oldest = hashes[i];
        hashes[i] = mix(sum);
        sum = (sum - oldest * power) * SHINGLE_BASE + hashes[i + ngram];
    }
    hashes[count - ngram] = mix(sum);
    return count - ngram + 1;
}

/* stored numbers as the machine has them; the caller frees them */
static uint64_t *unpack(const Py_buffer *stored, size_t *count)
{
    if (stored->len % 8) {
        PyErr_SetString(PyExc_ValueError, "whole 64-bit numbers are wanted");
        return NULL;
    }
    *count = (size_t)stored->len / 8;
    uint64_t *values = PyMem_Malloc((size_t)stored->len + 8);
    if (values == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (size_t i = 0; i < *count; i++)
        values[i] = load64((const uint8_t *)stored->buf + 8 * i);
    return values;
}

static PyObject *shingles(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer words;
    Py_ssize_t ngram;
    if (!PyArg_ParseTuple(args, "y*n", &words, &ngram))
        return NULL;
    PyObject *result = NULL;
    uint64_t *values = NULL;
    size_t count = 0;
    if (ngram < 1)
        PyErr_Format(PyExc_ValueError, "ngram must be at least 1, not %zd", ngram);
    else if ((values = unpack(&words, &count)) != NULL) {
        count = shingle(values, count, (size_t)ngram);
        result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * 8));
        if (result != NULL)
            for (size_t i = 0; i < count; i++)
                store64((uint8_t *)PyBytes_AS_STRING(result) + 8 * i, values[i]);
    }
    PyMem_Free(values);
    PyBuffer_Release(&words);
    return result;
}

/* least hash of each function over all shingles; all ones where there is none */
static PyObject *least_hashes(const uint64_t *values, size_t count, const Py_buffer *parameters)
{
    size_t functions = (size_t)parameters->len / 16;
    const uint8_t *pairs = parameters->buf;
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(functions * 8));
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AS_STRING(result);
    const uint64_t top = UINT64_C(1) << 63;
    for (size_t first = 0; first < functions; first += TILE) {
        uint64_t factors[TILE] = {0}, offsets[TILE] = {0};
        int64_t least[TILE];
        size_t here = functions - first < TILE ? functions - first : TILE;
        for (size_t j = 0; j < here; j++) {
            factors[j] = load64(pairs + 16 * (first + j));
            offsets[j] = load64(pairs + 16 * (first + j) + 8) + top;
        }
        least_chosen(values, count, factors, offsets, least);
        for (size_t j = 0; j < here; j++)
            store64(out + 8 * (first + j), (uint64_t)least[j] + top);
    }
    return result;
}

/* ngram 0: the numbers are shingles already */
static PyObject *signature(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer words, parameters;
    Py_ssize_t ngram;
    if (!PyArg_ParseTuple(args, "y*ny*", &words, &ngram, &parameters))
        return NULL;
    PyObject *result = NULL;
    uint64_t *values = NULL;
    size_t count = 0;
    if (ngram < 0 || parameters.len % 16)
        PyErr_SetString(PyExc_ValueError, "ngram >= 0 and pairs of 64-bit parameters are wanted");
    else if ((values = unpack(&words, &count)) != NULL) {
        if (ngram)
            count = shingle(values, count, (size_t)ngram);
        result = least_hashes(values, count, &parameters);
    }
    PyMem_Free(values);
    PyBuffer_Release(&words);
    PyBuffer_Release(&parameters);
    return result;
}

/* one 64-bit key for each bucket of each signature: rows x buckets numbers */
static PyObject *bucket_keys(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer signatures;
    Py_ssize_t buckets, width;
    if (!PyArg_ParseTuple(args, "y*nn", &signatures, &buckets, &width))
        return NULL;
    PyObject *result = NULL;
    if (buckets < 1 || width < 1 || buckets > 1 << 20 || width > 1 << 20
        || signatures.len % (8 * buckets * width))
        PyErr_SetString(PyExc_ValueError, "whole signatures of buckets x width hashes are wanted");
    else
        result = PyBytes_FromStringAndSize(NULL, signatures.len / width);
    if (result != NULL) {
        const uint8_t *from = signatures.buf;
        uint8_t *to = (uint8_t *)PyBytes_AS_STRING(result);
        size_t total = (size_t)(signatures.len / (8 * width));
        for (size_t i = 0; i < total; i++) {
            uint64_t key = 0;
            for (Py_ssize_t j = 0; j < width; j++, from += 8)
                key = mix(key ^ load64(from));
            store64(to + 8 * i, key);
        }
    }
    PyBuffer_Release(&signatures);
    return result;
}

/* for the tests, which hold the widths against one another */
static PyObject *set_width(PyObject *self, PyObject *number)
{
    (void)self;
    long bits = PyLong_AsLong(number);
    if (bits == -1 && PyErr_Occurred())
        return NULL;
    Least *least_wanted = bits < 0 || bits > 512 ? NULL : least_of_width((int)bits);
    if (least_wanted == NULL)
        Py_RETURN_FALSE;
    least_chosen = least_wanted;
    Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"shingles", shingles, METH_VARARGS, "Hashes of every run of words (hashes, ngram)."},
    {"signature", signature, METH_VARARGS, "Least hashes (hashes of words, ngram, parameters)."},
    {"bucket_keys", bucket_keys, METH_VARARGS, "A key a bucket (signatures, buckets, width)."},
    {"set_width", set_width, METH_O, "Take 64-, 256- or 512-bit code; 0: the widest there is."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_minhash",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__minhash(void)
{
    least_chosen = least_of_width(0);
    return PyModule_Create(&module);
}
