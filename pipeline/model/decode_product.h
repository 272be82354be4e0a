/* Products of few rows with packed matrices.
 *
 * A row's sums run over k in one order whatever rows stand beside it, so a result never depends on
 * the batch. All three formats read one 4-byte word of the row (1 float, 2 bf16, 4 uint8) against 16
 * words of the matrix at a time.
 */

/* Rows of x as the format wants them. */
struct Prepared {
    char *data; /* BLOCK rows of k words */
    float scales[BLOCK]; /* int8 only */
    int64_t stride; /* bytes */
};

static inline void prepare_row(struct Prepared *a, int format, int64_t row, int64_t k, float *x) {
    char *out = a->data + row * a->stride;
    if (format == F32) {
        memcpy(out, x, (size_t)k * 4);
    } else if (format == BF16) {
        for (int64_t i = 0; i < k; i += 16) store_bf16((uint16_t *)out + i, load(x + i));
    } else {
        vec top = all(0);
        for (int64_t i = 0; i < k; i += 16) {
            vec v = load(x + i);
            top = larger(larger(v, -v), top);
        }
        float largest = max16(top), scale = largest > 0 ? largest / 127.0f : 1.0f;
        a->scales[row] = isfinite(largest) ? scale : NAN;
        for (int64_t i = 0; i < k; i += 16) {
            vec v = load(x + i) * (1.0f / scale) + 12582912.0f; /* rounds; the low bits are it */
            ivec q = ((ivec)v & 0xff) ^ 0x80;                     /* + 128 */
            typedef uint8_t loose_bytes __attribute__((vector_size(16), aligned(1), may_alias));
            *(loose_bytes *)(out + i) = __builtin_convertvector(q, loose_bytes);
        }
    }
}

#ifdef AVX512
enum { TALLEST = 12 };
typedef __m512i sum_t;
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS sum_t add_products(int format, sum_t sum, int32_t word, const char *b) {
    __m512i a = _mm512_set1_epi32(word), w = _mm512_loadu_si512(b);
    if (format == F32)
        return (__m512i)_mm512_fmadd_ps((__m512)a, (__m512)w, (__m512)sum);
    if (format == BF16)
        return (__m512i)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)w);
    return _mm512_dpbusd_epi32(sum, a, w);
}
#else
enum { TALLEST = 3 };
typedef vec sum_t;
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS sum_t add_products(int format, sum_t sum, int32_t word, const char *b) {
    float x;
    (void)format; /* float32 alone: native.py asks for nothing else here */
    memcpy(&x, &word, 4);
    return fma16(all(x), load((const float *)b), sum);
}
#endif

struct Target {
    float *y;
    int64_t stride; /* floats */
    int add;        /* to what is there */
};

ALWAYS void finish(int format, const struct Matrix *w, const struct Prepared *a, int64_t row,
                   int64_t column, sum_t sum, const struct Target *t) {
    float *y = t->y + row * t->stride + column;
    vec value;
    if (format == INT8) {
        ivec exact = (ivec)sum - (*(const ivec *)(w->sums + column)) * 128;
        value = __builtin_convertvector(exact, vec) * load(w->scales + column) * a->scales[row];
    } else {
        value = (vec)sum;
    }
    if (w->bias) value += load(w->bias + column);
    store(y, t->add ? load(y) + value : value);
}

/* `rows` rows by `panels` panels, both known to the compiler: sums stay in registers. */
ALWAYS void tile(int format, int rows, int panels, const struct Matrix *w, const struct Prepared *a,
                 int64_t row, int64_t panel, const struct Target *t) {
    int64_t words = format == F32 ? w->k : format == BF16 ? w->k / 2 : w->k / 4;
    const char *b = w->data + panel * words * PANEL * 4;
    const char *x = a->data + row * a->stride;
    sum_t sums[TALLEST * 2 > 8 ? TALLEST * 2 : 8];
#pragma GCC unroll 24
    for (int i = 0; i < rows * panels * 2; i++) sums[i] = (sum_t){0};
    for (int64_t k = 0; k < words; k++) {
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            int32_t word;
            memcpy(&word, x + r * a->stride + k * 4, 4);
#pragma GCC unroll 4
            for (int p = 0; p < panels; p++) {
                const char *at = b + (p * words + k) * PANEL * 4;
                sum_t *s = sums + (r * panels + p) * 2;
                s[0] = add_products(format, s[0], word, at);
                s[1] = add_products(format, s[1], word, at + 64);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++)
            for (int h = 0; h < 2; h++)
                finish(format, w, a, row + r, (panel + p) * PANEL + h * 16,
                       sums[(r * panels + p) * 2 + h], t);
}

/* Few rows take several panels at once, to have enough sums under way. */
ALWAYS int wide(int rows) { return TALLEST < 12 ? 1 : rows == 1 ? 4 : rows <= 3 ? 3 : rows <= 5 ? 2 : 1; }

#define CASE(R)                                                                      \
    case R:                                                                          \
        for (; panel + wide(R) <= last; panel += wide(R))                            \
            tile(format, R, wide(R), w, a, row, panel, t);                           \
        for (; panel < last; panel++) tile(format, R, 1, w, a, row, panel, t);       \
        break;

ALWAYS void panels_of(int format, const struct Matrix *w, const struct Prepared *a, int64_t row,
                      int rows, int64_t panel, int64_t last, const struct Target *t) {
    switch (rows) {
        CASE(1) CASE(2) CASE(3)
#ifdef AVX512
        CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
    }
}

ALWAYS void product_as(int format, const struct Matrix *w, const struct Prepared *a, int64_t rows,
                       int64_t first, int64_t last, const struct Target *t) {
    int64_t tiles = (rows + TALLEST - 1) / TALLEST;
    if (tiles == 1) {
        panels_of(format, w, a, 0, (int)rows, first, last, t);
        return;
    }
    for (int64_t panel = first; panel < last; panel++) /* a panel stays near while all rows pass */
        for (int64_t i = 0; i < tiles; i++) {
            int64_t row = rows * i / tiles, end = rows * (i + 1) / tiles;
            panels_of(format, w, a, row, (int)(end - row), panel, panel + 1, t);
        }
}

/* Panels [first, last) of y = x W^T + bias for all prepared rows. */
static void product(int format, const struct Matrix *w, const struct Prepared *a, int64_t rows,
                    int64_t first, int64_t last, struct Target t) {
    if (format == F32)
        product_as(F32, w, a, rows, first, last, &t);
#ifdef AVX512
    else if (format == BF16)
        product_as(BF16, w, a, rows, first, last, &t);
    else
        product_as(INT8, w, a, rows, first, last, &t);
#endif
}
