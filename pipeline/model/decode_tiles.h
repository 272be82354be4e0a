/* The products of one FORMAT by one instruction, with sums in vectors SUMS_OF floats or integers
 * (which only casts must not mix: registers are lost over it): read once for each, with AS(name) and
 * AS(add_products) there: LANES words of the matrix by one of the row, added to as many sums.
 */

ALWAYS void AS(finish)(const struct Matrix *w, const struct Prepared *a, int64_t row,
                   int64_t column, SUMS_OF sum, const struct Target *t) {
    float *y = t->y + row * t->stride + column;
    vec value;
    if (FORMAT == INT8) {
        ivec exact = (ivec)sum - (*(const ivec *)(w->sums + column)) * 128;
        value = __builtin_convertvector(exact, vec) * load(w->scales + column) * a->scales[row];
    } else {
        value = (vec)sum;
    }
    if (w->bias) value += load(w->bias + column);
    store(y, t->add ? load(y) + value : value);
}

/* `rows` rows by `panels` panels, both known to the compiler: sums stay in registers. */
ALWAYS void AS(tile)(int rows, int panels, const struct Matrix *w, const struct Prepared *a,
                 int64_t row, int64_t panel, const struct Target *t) {
    int64_t words = FORMAT == F32 ? w->k : FORMAT == BF16 ? w->k / 2 : w->k / 4;
    const char *b = w->data + panel * words * PANEL * 4;
    const char *x = a->data + row * a->stride;
    SUMS_OF sums[TALLEST * SUMS > 8 ? TALLEST * SUMS : 8];
#pragma GCC unroll 24
    for (int i = 0; i < rows * panels * SUMS; i++) sums[i] = (SUMS_OF){0};
    for (int64_t k = 0; k < words; k++) {
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            int32_t word;
            memcpy(&word, x + r * a->stride + k * 4, 4);
#pragma GCC unroll 4
            for (int p = 0; p < panels; p++) {
                const char *at = b + (p * words + k) * PANEL * 4;
                SUMS_OF *s = sums + (r * panels + p) * SUMS;
#pragma GCC unroll 8
                for (int h = 0; h < SUMS; h++)
                    s[h] = AS(add_products)(s[h], word, at + h * LANES * 4);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++)
#pragma GCC unroll 8
            for (int h = 0; h < SUMS; h++)
                AS(finish)(w, a, row + r, (panel + p) * PANEL + h * LANES,
                           sums[(r * panels + p) * SUMS + h], t);
}

#define CASE(R)                                                                      \
    case R:                                                                          \
        for (; panel + wide(R) <= last; panel += wide(R))                            \
            AS(tile)(R, wide(R), w, a, row, panel, t);                           \
        for (; panel < last; panel++) AS(tile)(R, 1, w, a, row, panel, t);       \
        break;

ALWAYS void AS(panels_of)(const struct Matrix *w, const struct Prepared *a, int64_t row,
                      int rows, int64_t panel, int64_t last, const struct Target *t) {
    switch (rows) {
        CASE(1)
#if defined(AVX512) || defined(AVX2) || defined(NEON)
        CASE(2) CASE(3)
#endif
#ifdef AVX512
        CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
    }
}

static void AS(product_as)(const struct Matrix *w, const struct Prepared *a, int64_t rows,
                       int64_t first, int64_t last, const struct Target *t) {
    int64_t tiles = (rows + TALLEST - 1) / TALLEST;
    if (tiles == 1) {
        AS(panels_of)(w, a, 0, (int)rows, first, last, t);
        return;
    }
    for (int64_t panel = first; panel < last; panel++) /* a panel stays near while all rows pass */
        for (int64_t i = 0; i < tiles; i++) {
            int64_t row = rows * i / tiles, end = rows * (i + 1) / tiles;
            AS(panels_of)(w, a, row, (int)(end - row), panel, panel + 1, t);
        }
}

#undef CASE
#undef FORMAT
#undef SUMS_OF
#undef AS
