/* The kernels: each reads and writes a row once, with its sums in float32. Read once a type:
 * REAL is what a row is made of, LOAD and STORE take LANES of them to and from float32, WIDEN and
 * NARROW one, AS(name) is the name for this type.
 */

/* exp(x - largest) of x[begin..end) into e, padded with zeros to whole vectors; their sum. */
static float AS(exponentials)(const REAL *x, int64_t count, float *e, float *largest) {
    int64_t whole = count & ~(int64_t)(LANES - 1);
    vec high = all(-INFINITY), sum = all(0);
    for (int64_t i = 0; i < whole; i += LANES) high = larger(high, LOAD(x + i));
    float top = max16(high);
    for (int64_t i = whole; i < count; i++) top = fmaxf(top, WIDEN(x[i]));
    for (int64_t i = 0; i < whole; i += LANES) {
        vec v = exp16(LOAD(x + i) - top);
        store(e + i, v);
        sum += v;
    }
    if (whole < count) {
        float rest[LANES];
        for (int i = 0; i < LANES; i++)
            rest[i] = whole + i < count ? WIDEN(x[whole + i]) - top : -INFINITY;
        vec v = exp16(load(rest));
        store(e + whole, v);
        sum += v;
    }
    *largest = top;
    return sum16(sum);
}

static void AS(store_scaled)(REAL *out, const float *e, int64_t count, float scale) {
    int64_t whole = count & ~(int64_t)(LANES - 1);
    for (int64_t i = 0; i < whole; i += LANES) STORE(out + i, load(e + i) * scale);
    for (int64_t i = whole; i < count; i++) out[i] = NARROW(e[i] * scale);
}

struct AS(CrossEntropy) {
    REAL *logits;
    const int64_t *targets;
    const float *weights;
    float *nats;
    int64_t vocabulary, slopes;
    float *scratch; /* (parts, vocabulary rounded up to 16) */
};

/* nats of each row; its logits become their slopes: weight * (softmax - one hot). */
static void AS(cross_entropy_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct AS(CrossEntropy) *c = args;
    int64_t v = c->vocabulary;
    float *e = c->scratch + part * ((v + LANES - 1) & ~(int64_t)(LANES - 1));
    for (int64_t row = begin; row < end; row++) {
        REAL *x = c->logits + row * v;
        int64_t goal = c->targets[row];
        float top, goal_logit = WIDEN(x[goal]), weight = c->weights[row];
        float sum = AS(exponentials)(x, v, e, &top);
        c->nats[row] = logf(sum) + top - goal_logit;
        if (!c->slopes) continue;
        AS(store_scaled)(x, e, v, weight / sum);
        x[goal] = NARROW((e[goal] / sum - 1.0f) * weight);
    }
}

struct AS(SwiGLU) {
    const REAL *x, *grad; /* (rows, 2 ffn) gate first; (rows, ffn), backward only */
    REAL *out;            /* (rows, ffn), or backward (rows, 2 ffn) */
    int64_t ffn;              /* a multiple of 16 */
};

static void AS(swiglu_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct AS(SwiGLU) *s = args;
    for (int64_t row = begin; row < end; row++) {
        const REAL *gate = s->x + row * 2 * s->ffn, *up = gate + s->ffn;
        REAL *out = s->out + row * s->ffn;
        for (int64_t i = 0; i < s->ffn; i += LANES) {
            vec g = LOAD(gate + i);
            STORE(out + i, g / (exp16(-g) + 1.0f) * LOAD(up + i));
        }
    }
}

static void AS(swiglu_back_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct AS(SwiGLU) *s = args;
    for (int64_t row = begin; row < end; row++) {
        const REAL *gate = s->x + row * 2 * s->ffn, *up = gate + s->ffn;
        const REAL *grad = s->grad + row * s->ffn;
        REAL *to_gate = s->out + row * 2 * s->ffn, *to_up = to_gate + s->ffn;
        for (int64_t i = 0; i < s->ffn; i += LANES) {
            vec g = LOAD(gate + i), d = LOAD(grad + i);
            vec sigmoid = 1.0f / (exp16(-g) + 1.0f);
            STORE(to_up + i, d * g * sigmoid);
            STORE(to_gate + i, d * LOAD(up + i) * sigmoid * (g * (1.0f - sigmoid) + 1.0f));
        }
    }
}

struct AS(Norm) {
    const REAL *x; /* backward: the gradient of the result */
    REAL *y;       /* backward: of x */
    const REAL *normed;
    float *scale; /* (rows,): 1 / rms */
    int64_t width; /* a multiple of 16 */
    float eps;
};

static void AS(norm_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct AS(Norm) *n = args;
    int64_t w = n->width;
    for (int64_t row = begin; row < end; row++) {
        const REAL *x = n->x + row * w;
        vec sum = all(0);
        for (int64_t i = 0; i < w; i += LANES) {
            vec v = LOAD(x + i);
            sum = fma16(v, v, sum);
        }
        float scale = 1.0f / sqrtf(sum16(sum) / (float)w + n->eps);
        n->scale[row] = scale;
        for (int64_t i = 0; i < w; i += LANES) STORE(n->y + row * w + i, LOAD(x + i) * scale);
    }
}

static void AS(norm_back_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct AS(Norm) *n = args;
    int64_t w = n->width;
    for (int64_t row = begin; row < end; row++) {
        const REAL *grad = n->x + row * w, *normed = n->normed + row * w;
        vec sum = all(0);
        for (int64_t i = 0; i < w; i += LANES) sum = fma16(LOAD(grad + i), LOAD(normed + i), sum);
        float share = sum16(sum) / (float)w, scale = n->scale[row];
        for (int64_t i = 0; i < w; i += LANES)
            STORE(n->y + row * w + i, (LOAD(grad + i) - LOAD(normed + i) * share) * scale);
    }
}

struct AS(Rotate) {
    const REAL *x;       /* (tokens, heads, d) with `stride` from token to token */
    REAL *y, *normed;    /* (tokens, heads, d) */
    const REAL *grad;    /* backward: the gradient of y */
    const float *cos, *sin;  /* (tables, heads, d): token i reads table i % tables */
    const float *gains;      /* (heads, d) */
    float *grad_gains;       /* (parts, heads, d), zero at first */
    float *scale;            /* (tokens, heads) */
    int64_t heads, dim, stride, tables; /* dim a multiple of 32 */
    float eps;
};

static void AS(rotate_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct AS(Rotate) *r = args;
    int64_t d = r->dim, half = d / 2;
    for (int64_t token = begin; token < end; token++)
        for (int64_t head = 0; head < r->heads; head++) {
            const REAL *x = r->x + token * r->stride + head * d;
            int64_t at = (token * r->heads + head) * d;
            int64_t offset = (token % r->tables * r->heads + head) * d;
            const float *cos = r->cos + offset, *sin = r->sin + offset;
            const float *gains = r->gains + head * d;
            vec sum = all(0);
            for (int64_t i = 0; i < d; i += LANES) {
                vec v = LOAD(x + i);
                sum = fma16(v, v, sum);
            }
            float scale = 1.0f / sqrtf(sum16(sum) / (float)d + r->eps);
            r->scale[token * r->heads + head] = scale;
            for (int64_t i = 0; i < half; i += LANES) {
                vec a = LOAD(x + i) * scale, b = LOAD(x + half + i) * scale;
                STORE(r->normed + at + i, a);
                STORE(r->normed + at + half + i, b);
                a *= load(gains + i), b *= load(gains + half + i);
                STORE(r->y + at + i, a * load(cos + i) + b * load(sin + i));
                STORE(r->y + at + half + i,
                           b * load(cos + half + i) + a * load(sin + half + i));
            }
        }
}

static void AS(rotate_back_rows)(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct AS(Rotate) *r = args;
    int64_t d = r->dim, half = d / 2;
    for (int64_t token = begin; token < end; token++)
        for (int64_t head = 0; head < r->heads; head++) {
            int64_t at = (token * r->heads + head) * d;
            int64_t offset = (token % r->tables * r->heads + head) * d;
            const float *cos = r->cos + offset, *sin = r->sin + offset;
            const float *gains = r->gains + head * d;
            float *to_gains = r->grad_gains + (part * r->heads + head) * d;
            const REAL *grad = r->grad + at, *normed = r->normed + at;
            float scale = r->scale[token * r->heads + head];
            vec sum = all(0);
            for (int64_t i = 0; i < half; i += LANES) {
                vec a = LOAD(grad + i), b = LOAD(grad + half + i);
                vec to_a = a * load(cos + i) + b * load(sin + half + i);
                vec to_b = b * load(cos + half + i) + a * load(sin + i);
                vec na = LOAD(normed + i), nb = LOAD(normed + half + i);
                store(to_gains + i, fma16(to_a, na, load(to_gains + i)));
                store(to_gains + half + i, fma16(to_b, nb, load(to_gains + half + i)));
                sum = fma16(to_a * load(gains + i), na, sum);
                sum = fma16(to_b * load(gains + half + i), nb, sum);
            }
            float share = sum16(sum) / (float)d;
            for (int64_t i = 0; i < half; i += LANES) {
                vec a = LOAD(grad + i), b = LOAD(grad + half + i);
                vec to_a = (a * load(cos + i) + b * load(sin + half + i)) * load(gains + i);
                vec to_b = (b * load(cos + half + i) + a * load(sin + i)) * load(gains + half + i);
                STORE(r->y + at + i, (to_a - LOAD(normed + i) * share) * scale);
                STORE(r->y + at + half + i,
                           (to_b - LOAD(normed + half + i) * share) * scale);
            }
        }
}
