/* bf16 attention's softmax over whole rows of scores: torch's bf16 products are beside it. */

struct Scores {
    uint16_t *scores;    /* (rows * kv_heads, group * count, count): scores, or the slopes of p */
    const uint16_t *p;   /* the same shape; backward only */
    const int32_t *from; /* (rows, count): the first key each query sees; it is the last */
    int64_t kv_heads, group, count;
    float *scratch; /* (parts, count rounded up to 16) */
};

static void softmax_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct Scores *a = args;
    int64_t n = a->count, per_head = a->group * n;
    float *e = a->scratch + part * ((n + LANES - 1) & ~(int64_t)(LANES - 1)), top;
    for (int64_t row = begin; row < end; row++) {
        int64_t query = row % n, first = a->from[row / per_head / a->kv_heads * n + query];
        uint16_t *x = a->scores + row * n;
        float sum = exponentials_bf16(x + first, query + 1 - first, e, &top);
        memset(x, 0, (size_t)first * sizeof *x);
        store_scaled_bf16(x + first, e, query + 1 - first, 1.0f / sum);
        memset(x + query + 1, 0, (size_t)(n - query - 1) * sizeof *x);
    }
}

/* scores hold the slopes of p; they become the slopes of the scores: p * (g - sum(p * g)). */
static void softmax_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct Scores *a = args;
    int64_t n = a->count, per_head = a->group * n;
    for (int64_t row = begin; row < end; row++) {
        int64_t query = row % n, first = a->from[row / per_head / a->kv_heads * n + query];
        uint16_t *g = a->scores + row * n;
        const uint16_t *p = a->p + row * n;
        const int64_t mask = ~(int64_t)(LANES - 1);
        int64_t start = first & mask, stop = query + 1, whole = stop & mask;
        vec sum = all(0);
        for (int64_t i = start; i < whole; i += LANES) sum = fma16(load_bf16(g + i), load_bf16(p + i), sum);
        float share = sum16(sum);
        for (int64_t i = whole > start ? whole : start; i < stop; i++) share += bf16_float(g[i]) * bf16_float(p[i]);
        memset(g, 0, (size_t)start * sizeof *g);
        for (int64_t i = start; i < whole; i += LANES)
            store_bf16(g + i, load_bf16(p + i) * (load_bf16(g + i) - share));
        for (int64_t i = whole > start ? whole : start; i < stop; i++)
            g[i] = float_bf16(bf16_float(p[i]) * (bf16_float(g[i]) - share));
        memset(g + stop, 0, (size_t)(n - stop) * sizeof *g);
    }
}

static PyObject *softmax(PyObject *self, PyObject *args) {
    Numbers n;
    (void)self;
    if (!numbers(args, 9, n)) return NULL;
    struct Scores work = {AT(uint16_t, 2), AT(const uint16_t, 3), AT(const int32_t, 4),
                          n[5], n[6], n[7], AT(float, 8)};
    return finish(work.p ? softmax_back_rows : softmax_rows, &work, n[0], n[1]);
}
