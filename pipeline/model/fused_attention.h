/* Causal attention in float32 within documents, forward and backward, without keeping the scores.
 *
 * A unit of work is a key head of a row with its group of query heads: one thread, one order of
 * sums, so that no result depends on the number of threads. Queries go in blocks, whose scores stay
 * in the cache; within a block HIGH rows at a time over the keys that they see and no others, which
 * spares more than half of the products that a masked one makes. The backward makes the
 * probabilities again from the logarithm of their sum (Dao et al. 2022).
 */

enum {
    HIGH = 6,       /* rows of a tile of sums */
    QUERIES = 48,   /* rows of a block: its scores and their slopes lie in the second-level cache */
    MOST_TILES = 4, /* vectors a tile is wide, where the machine has 32 registers … */
#if defined(AVX512) || defined(NEON)
    TILES = 4
#else
    TILES = 2 /* … or 16 */
#endif
};

struct Attention {
    const float *qk, *v;  /* (rows, count, heads + kv_heads, d); v with strides of its own */
    const int32_t *first; /* (rows, count): the first key each query sees; itself is the last */
    float *y, *logs;      /* (rows, count, heads, d); (rows, heads, count): log of the sum of exp */
    const float *grad;    /* of y; backward only, as what follows */
    float *grad_qk, *grad_v; /* as qk; (rows, count, kv_heads, d) */
    int64_t count, heads, kv_heads, dim, v_token, v_row; /* dim a multiple of 16 */
    float *scratch;       /* (parts, scratch_size) */
};

static inline int64_t whole_vectors(int64_t n) { return (n + 15) / 16 * 16; }

static int64_t scratch_size(int64_t count, int64_t dim, int backward) {
    int64_t keys = whole_vectors(count) + 16;
    int64_t scores = backward ? 2 * QUERIES * keys : HIGH * keys;
    return (backward ? 7 : 2) * keys * dim + HIGH * dim + scores + LANES;
}

/* out[r][c] = sum over k of a[r][k] b[k][c] of `rows` rows and `tiles` vectors; a's steps are
 * `a_row` from row to row and `a_step` from k to k. `add`: to what is there. */
static inline __attribute__((always_inline)) void tile_of(
    int rows, int tiles, const float *a, int64_t a_row, int64_t a_step, const float *b,
    int64_t b_step, int64_t steps, float *out, int64_t out_row, int add) {
    vec sums[HIGH * MOST_TILES];
#pragma GCC unroll 24
    for (int i = 0; i < rows * tiles; i++) sums[i] = all(0);
    for (int64_t k = 0; k < steps; k++, a += a_step, b += b_step) {
        vec line[MOST_TILES];
#pragma GCC unroll 4
        for (int t = 0; t < tiles; t++) line[t] = load(b + t * LANES);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            vec x = all(a[r * a_row]);
#pragma GCC unroll 4
            for (int t = 0; t < tiles; t++)
                sums[r * tiles + t] = fma16(x, line[t], sums[r * tiles + t]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int t = 0; t < tiles; t++) {
            float *o = out + r * out_row + t * LANES;
            store(o, add ? load(o) + sums[r * tiles + t] : sums[r * tiles + t]);
        }
}

/* `rows` rows by `width` columns, a multiple of LANES. */
static inline __attribute__((always_inline)) void band_of(
    int rows, const float *a, int64_t a_row, int64_t a_step, const float *b, int64_t b_step,
    int64_t steps, float *out, int64_t out_row, int64_t width, int add) {
    int64_t c = 0;
    for (; c + TILES * LANES <= width; c += TILES * LANES)
        tile_of(rows, TILES, a, a_row, a_step, b + c, b_step, steps, out + c, out_row, add);
    if (TILES > 2 && c + 2 * LANES <= width) {
        tile_of(rows, 2, a, a_row, a_step, b + c, b_step, steps, out + c, out_row, add);
        c += 2 * LANES;
    }
    if (c < width)
        tile_of(rows, 1, a, a_row, a_step, b + c, b_step, steps, out + c, out_row, add);
}

static void band(int64_t rows, const float *a, int64_t a_row, int64_t a_step, const float *b,
                 int64_t b_step, int64_t steps, float *out, int64_t out_row, int64_t width,
                 int add) {
    if (rows == HIGH) {
        band_of(HIGH, a, a_row, a_step, b, b_step, steps, out, out_row, width, add);
        return;
    }
    for (int64_t r = 0; r < rows; r++) /* the last few of a row */
        band_of(1, a + r * a_row, a_row, a_step, b, b_step, steps, out + r * out_row, out_row,
                width, add);
}

/* The next head's part of a token lies behind this one's: a stride that no processor foresees. */
static inline void foresee(const float *x, int64_t d) {
    for (int64_t j = 0; j < d; j += 16) __builtin_prefetch(x + d + j);
}

/* One head's rows next to each other, zeros behind them up to `padded`. */
static void gather(const float *from, int64_t step, int64_t count, int64_t padded, int64_t d,
                   float *out) {
    for (int64_t i = 0; i < count; i++) {
        foresee(from + i * step, d);
        for (int64_t j = 0; j < d; j += LANES) store(out + i * d + j, load(from + i * step + j));
    }
    memset(out + count * d, 0, (size_t)((padded - count) * d) * 4);
}

#ifdef __clang__
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(a, b, ...) __builtin_shuffle(a, b, (picks){__VA_ARGS__})
#endif

/* One head's rows as columns (d, padded), zeros behind them. */
static void turn(const float *from, int64_t step, int64_t count, int64_t padded, int64_t d,
                 float *out) {
    typedef float four __attribute__((vector_size(16)));
    typedef int32_t picks __attribute__((vector_size(16)));
    typedef float loose_four __attribute__((vector_size(16), aligned(4), may_alias));
    int64_t whole = count / 4 * 4;
    for (int64_t i = 0; i < whole; i += 4) {
        for (int64_t k = 0; k < 4; k++) foresee(from + (i + k) * step, d);
        for (int64_t j = 0; j < d; j += 4) {
            const float *x = from + i * step + j;
            four a = *(const loose_four *)x, b = *(const loose_four *)(x + step);
            four c = *(const loose_four *)(x + 2 * step), e = *(const loose_four *)(x + 3 * step);
            four ab = MIX(a, b, 0, 4, 1, 5);
            four ab2 = MIX(a, b, 2, 6, 3, 7);
            four ce = MIX(c, e, 0, 4, 1, 5);
            four ce2 = MIX(c, e, 2, 6, 3, 7);
            float *o = out + j * padded + i;
            *(loose_four *)o = MIX(ab, ce, 0, 1, 4, 5);
            *(loose_four *)(o + padded) = MIX(ab, ce, 2, 3, 6, 7);
            *(loose_four *)(o + 2 * padded) = MIX(ab2, ce2, 0, 1, 4, 5);
            *(loose_four *)(o + 3 * padded) = MIX(ab2, ce2, 2, 3, 6, 7);
        }
    }
    for (int64_t j = 0; j < d; j++) {
        for (int64_t i = whole; i < count; i++) out[j * padded + i] = from[i * step + j];
        memset(out + j * padded + count, 0, (size_t)(padded - count) * 4);
    }
}

struct Band { /* HIGH queries from `query`, and the whole vectors of keys they see */
    int64_t query, rows, low, high;
};

static struct Band band_at(const int32_t *first, int64_t query, int64_t end) {
    int64_t rows = end - query < HIGH ? end - query : HIGH;
    return (struct Band){query, rows, first[query] / 16 * 16,
                         (query + rows + LANES - 1) / LANES * LANES};
}

/* Probabilities from a row of scores, not normalised, zeros where the query does not see; the
 * largest score and the sum. */
static float soften_row(float *s, int64_t low, int64_t high, int64_t first, int64_t last,
                        float *top) {
    for (int64_t k = low; k < first; k++) s[k] = -INFINITY;
    for (int64_t k = last + 1; k < high; k++) s[k] = -INFINITY;
    vec most = all(-INFINITY), sum = all(0);
    for (int64_t k = low; k < high; k += LANES) most = larger(load(s + k), most);
    *top = max16(most);
    for (int64_t k = low; k < high; k += LANES) {
        vec e = exp16(load(s + k) - *top);
        store(s + k, e);
        sum += e;
    }
    return sum16(sum);
}

static void attention_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct Attention *a = args;
    int64_t n = a->count, d = a->dim, keys = whole_vectors(n) + 16, group = a->heads / a->kv_heads;
    int64_t both = (a->heads + a->kv_heads) * d, out = a->heads * d;
    float *turned = a->scratch + part * scratch_size(n, d, 0), *values = turned + keys * d;
    float *y = values + keys * d, *s = y + HIGH * d;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t row = unit / a->kv_heads, head = unit % a->kv_heads;
        const float *qk = a->qk + row * n * both;
        const int32_t *first = a->first + row * n;
        turn(qk + (a->heads + head) * d, both, n, keys, d, turned);
        gather(a->v + row * a->v_row + head * d, a->v_token, n, keys, d, values);
        for (int64_t h = head * group; h < (head + 1) * group; h++) {
            for (int64_t query = 0; query < n; query += HIGH) {
                struct Band b = band_at(first, query, n);
                float scale[HIGH];
                for (int64_t r = 0; r < b.rows; r++) foresee(qk + (query + r) * both + h * d, d);
                band(b.rows, qk + query * both + h * d, both, 1, turned + b.low, keys, d,
                     s + b.low, keys, b.high - b.low, 0);
                for (int64_t r = 0; r < b.rows; r++) {
                    float top, sum = soften_row(s + r * keys, b.low, b.high, first[query + r],
                                                query + r, &top);
                    scale[r] = 1.0f / sum;
                    a->logs[(row * a->heads + h) * n + query + r] = top + logf(sum);
                }
                band(b.rows, s + b.low, keys, 1, values + b.low * d, d, query + b.rows - b.low, y,
                     d, d, 0);
                for (int64_t r = 0; r < b.rows; r++)
                    for (int64_t i = 0; i < d; i += LANES)
                        store(a->y + (row * n + query + r) * out + h * d + i,
                              load(y + r * d + i) * scale[r]);
            }
        }
    }
}

/* A band's probabilities, and in `slopes` (their own, coming in) those of the scores. */
static void slopes_of(struct Band b, const int32_t *first, const float *logs, const float *shares,
                      float *p, float *slopes, int64_t stride) {
    for (int64_t r = 0; r < b.rows; r++, p += stride, slopes += stride) {
        int64_t query = b.query + r;
        for (int64_t k = b.low; k < first[query]; k++) p[k] = -INFINITY;
        for (int64_t k = query + 1; k < b.high; k++) p[k] = -INFINITY;
        for (int64_t k = b.low; k < b.high; k += LANES) {
            vec e = exp16(load(p + k) - logs[query]);
            store(p + k, e);
            store(slopes + k, e * (load(slopes + k) - shares[query % QUERIES]));
        }
    }
}

/* Adds a block's weights, turned, times its rows to the keys' sums. */
static void to_keys(const float *weights, int64_t stride, const float *rows, int64_t d,
                    const int32_t *first, int64_t start, int64_t end, int64_t low, float *sums) {
    int64_t stop = start;
    for (int64_t k = low; k < end; k += HIGH) {
        int64_t from = k > start ? k : start; /* earlier queries see none of these keys */
        while (stop < end && first[stop] < k + HIGH) stop++;
        if (from < stop)
            band(HIGH, weights + (from - start) * stride + k, 1, stride, rows + from * d, d, stop - from,
                 sums + k * d, d, d, 1);
    }
}

static void attention_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct Attention *a = args;
    int64_t n = a->count, d = a->dim, keys = whole_vectors(n) + 16, group = a->heads / a->kv_heads;
    int64_t both = (a->heads + a->kv_heads) * d, out = a->heads * d;
    float *key = a->scratch + part * scratch_size(n, d, 1), *turned_keys = key + keys * d;
    float *turned_values = turned_keys + keys * d, *q = turned_values + keys * d;
    float *grad = q + keys * d, *to_key = grad + keys * d, *to_value = to_key + keys * d;
    float *to_query = to_value + keys * d, *p = to_query + HIGH * d, *slopes = p + QUERIES * keys;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t row = unit / a->kv_heads, head = unit % a->kv_heads;
        const float *qk = a->qk + row * n * both;
        const int32_t *first = a->first + row * n;
        turn(a->v + row * a->v_row + head * d, a->v_token, n, keys, d, turned_values);
        turn(qk + (a->heads + head) * d, both, n, keys, d, turned_keys);
        gather(qk + (a->heads + head) * d, both, n, keys, d, key);
        memset(to_key, 0, (size_t)(keys * d) * 4);
        memset(to_value, 0, (size_t)(keys * d) * 4);
        for (int64_t h = head * group; h < (head + 1) * group; h++) {
            const float *logs = a->logs + (row * a->heads + h) * n;
            const float *y = a->y + row * n * out + h * d;
            float shares[QUERIES];
            gather(qk + h * d, both, n, keys, d, q);
            gather(a->grad + row * n * out + h * d, out, n, keys, d, grad);
            for (int64_t start = 0; start < n; start += QUERIES) {
                int64_t stop = start + QUERIES < n ? start + QUERIES : n;
                int64_t low = first[start] / 16 * 16;
                for (int64_t query = start; query < stop; query++) {
                    vec sum = all(0);
                    foresee(y + query * out, d);
                    for (int64_t i = 0; i < d; i += LANES)
                        sum = fma16(load(y + query * out + i), load(grad + query * d + i), sum);
                    shares[query - start] = sum16(sum);
                }
                for (int64_t query = start; query < stop; query += HIGH) {
                    struct Band b = band_at(first, query, stop);
                    int64_t at = (query - start) * keys, width = b.high - b.low;
                    for (int64_t r = 0; r < b.rows; r++) { /* what the band leaves out is zero */
                        size_t left = (size_t)(b.low - low) * 4;
                        int64_t right = stop + HIGH + 15 < keys ? stop + HIGH + 15 : keys;
                        memset(p + at + r * keys + low, 0, left);
                        memset(slopes + at + r * keys + low, 0, left);
                        memset(p + at + r * keys + b.high, 0, (size_t)(right - b.high) * 4);
                        memset(slopes + at + r * keys + b.high, 0, (size_t)(right - b.high) * 4);
                    }
                    band(b.rows, q + query * d, d, 1, turned_keys + b.low, keys, d, p + at + b.low, keys,
                         width, 0);
                    band(b.rows, grad + query * d, d, 1, turned_values + b.low, keys, d,
                         slopes + at + b.low, keys, width, 0);
                    slopes_of(b, first, logs, shares, p + at, slopes + at, keys);
                    band(b.rows, slopes + at + b.low, keys, 1, key + b.low * d, d,
                         query + b.rows - b.low, to_query, d, d, 0);
                    for (int64_t r = 0; r < b.rows; r++)
                        memcpy(a->grad_qk + (row * n + query + r) * both + h * d,
                               to_query + r * d, (size_t)d * 4);
                }
                to_keys(p, keys, grad, d, first, start, stop, low, to_value);
                to_keys(slopes, keys, q, d, first, start, stop, low, to_key);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            memcpy(a->grad_qk + (row * n + i) * both + (a->heads + head) * d, to_key + i * d,
                   (size_t)d * 4);
            memcpy(a->grad_v + ((row * n + i) * a->kv_heads + head) * d, to_value + i * d,
                   (size_t)d * 4);
        }
    }
}

static PyObject *attention(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 14, n)) return NULL;
    struct Attention work = {.qk = AT(const float, 2), .v = AT(const float, 3),
                             .first = AT(const int32_t, 4), .y = AT(float, 5),
                             .logs = AT(float, 6), .scratch = AT(float, 7), .count = n[8],
                             .heads = n[9], .kv_heads = n[10], .dim = n[11], .v_token = n[12],
                             .v_row = n[13]};
    return finish(attention_rows, &work, n[0], n[1]);
}

static PyObject *attention_back(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 17, n)) return NULL;
    struct Attention work = {.qk = AT(const float, 2), .v = AT(const float, 3),
                             .first = AT(const int32_t, 4), .y = AT(float, 5),
                             .logs = AT(float, 6), .scratch = AT(float, 7), .count = n[8],
                             .heads = n[9], .kv_heads = n[10], .dim = n[11], .v_token = n[12],
                             .v_row = n[13], .grad = AT(const float, 14),
                             .grad_qk = AT(float, 15), .grad_v = AT(float, 16)};
    return finish(attention_back_rows, &work, n[0], n[1]);
}

static PyObject *attention_scratch(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 3, n)) return NULL;
    return PyLong_FromLongLong(scratch_size(n[0], n[1], (int)n[2]));
}
