/* The kernels: each reads and writes a row of bf16 once, with its sums in float32. */
#include <stdlib.h>

static float bf16_float(uint16_t half) {
    union { uint32_t bits; float value; } u = {(uint32_t)half << 16};
    return u.value;
}

static uint16_t float_bf16(float value) {
    union { float value; uint32_t bits; } u = {value};
    return (uint16_t)((u.bits + 0x7fff + ((u.bits >> 16) & 1)) >> 16);
}

/* exp(x - largest) of x[begin..end) into e, padded with zeros to whole vectors; their sum. */
static float exponentials(const uint16_t *x, int64_t count, float *e, float *largest) {
    int64_t whole = count & ~(int64_t)15;
    vec high = all(-INFINITY), sum = all(0);
    for (int64_t i = 0; i < whole; i += 16) high = larger(high, load_bf16(x + i));
    float top = max16(high);
    for (int64_t i = whole; i < count; i++) top = fmaxf(top, bf16_float(x[i]));
    for (int64_t i = 0; i < whole; i += 16) {
        vec v = exp16(load_bf16(x + i) - top);
        store(e + i, v);
        sum += v;
    }
    if (whole < count) {
        float rest[16];
        for (int i = 0; i < 16; i++)
            rest[i] = whole + i < count ? bf16_float(x[whole + i]) - top : -INFINITY;
        vec v = exp16(load(rest));
        store(e + whole, v);
        sum += v;
    }
    *largest = top;
    return sum16(sum);
}

static void store_scaled(uint16_t *out, const float *e, int64_t count, float scale) {
    int64_t whole = count & ~(int64_t)15;
    for (int64_t i = 0; i < whole; i += 16) store_bf16(out + i, load(e + i) * scale);
    for (int64_t i = whole; i < count; i++) out[i] = float_bf16(e[i] * scale);
}

struct CrossEntropy {
    uint16_t *logits;
    const int64_t *targets;
    const float *weights;
    float *nats;
    int64_t vocabulary, slopes;
    float *scratch; /* (parts, vocabulary rounded up to 16) */
};

/* nats of each row; its logits become their slopes: weight * (softmax - one hot). */
static void cross_entropy_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct CrossEntropy *c = args;
    int64_t v = c->vocabulary;
    float *e = c->scratch + part * ((v + 15) & ~(int64_t)15);
    for (int64_t row = begin; row < end; row++) {
        uint16_t *x = c->logits + row * v;
        int64_t goal = c->targets[row];
        float top, goal_logit = bf16_float(x[goal]), weight = c->weights[row];
        float sum = exponentials(x, v, e, &top);
        c->nats[row] = logf(sum) + top - goal_logit;
        if (!c->slopes) continue;
        store_scaled(x, e, v, weight / sum);
        x[goal] = float_bf16((e[goal] / sum - 1.0f) * weight);
    }
}

struct Attention {
    uint16_t *scores;    /* (rows * kv_heads, group * count, count): scores, or the slopes of p */
    const uint16_t *p;   /* the same shape; backward only */
    const int32_t *from; /* (rows, count): the first key each query sees; it is the last */
    int64_t kv_heads, group, count;
    float *scratch; /* (parts, count rounded up to 16) */
};

static void softmax_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct Attention *a = args;
    int64_t n = a->count, per_head = a->group * n;
    float *e = a->scratch + part * ((n + 15) & ~(int64_t)15), top;
    for (int64_t row = begin; row < end; row++) {
        int64_t query = row % n, first = a->from[row / per_head / a->kv_heads * n + query];
        uint16_t *x = a->scores + row * n;
        float sum = exponentials(x + first, query + 1 - first, e, &top);
        memset(x, 0, (size_t)first * 2);
        store_scaled(x + first, e, query + 1 - first, 1.0f / sum);
        memset(x + query + 1, 0, (size_t)(n - query - 1) * 2);
    }
}

/* scores hold the slopes of p; they become the slopes of the scores: p * (g - sum(p * g)). */
static void softmax_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct Attention *a = args;
    int64_t n = a->count, per_head = a->group * n;
    for (int64_t row = begin; row < end; row++) {
        int64_t query = row % n, first = a->from[row / per_head / a->kv_heads * n + query];
        uint16_t *g = a->scores + row * n;
        const uint16_t *p = a->p + row * n;
        int64_t start = first & ~(int64_t)15, stop = query + 1, whole = stop & ~(int64_t)15;
        vec sum = all(0);
        for (int64_t i = start; i < whole; i += 16) sum = fma16(load_bf16(g + i), load_bf16(p + i), sum);
        float share = sum16(sum);
        for (int64_t i = whole > start ? whole : start; i < stop; i++) share += bf16_float(g[i]) * bf16_float(p[i]);
        memset(g, 0, (size_t)start * 2);
        for (int64_t i = start; i < whole; i += 16)
            store_bf16(g + i, load_bf16(p + i) * (load_bf16(g + i) - share));
        for (int64_t i = whole > start ? whole : start; i < stop; i++)
            g[i] = float_bf16(bf16_float(p[i]) * (bf16_float(g[i]) - share));
        memset(g + stop, 0, (size_t)(n - stop) * 2);
    }
}

struct SwiGLU {
    const uint16_t *x, *grad; /* (rows, 2 ffn) gate first; (rows, ffn), backward only */
    uint16_t *out;            /* (rows, ffn), or backward (rows, 2 ffn) */
    int64_t ffn;              /* a multiple of 16 */
};

static void swiglu_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct SwiGLU *s = args;
    for (int64_t row = begin; row < end; row++) {
        const uint16_t *gate = s->x + row * 2 * s->ffn, *up = gate + s->ffn;
        uint16_t *out = s->out + row * s->ffn;
        for (int64_t i = 0; i < s->ffn; i += 16) {
            vec g = load_bf16(gate + i);
            store_bf16(out + i, g / (exp16(-g) + 1.0f) * load_bf16(up + i));
        }
    }
}

static void swiglu_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct SwiGLU *s = args;
    for (int64_t row = begin; row < end; row++) {
        const uint16_t *gate = s->x + row * 2 * s->ffn, *up = gate + s->ffn;
        const uint16_t *grad = s->grad + row * s->ffn;
        uint16_t *to_gate = s->out + row * 2 * s->ffn, *to_up = to_gate + s->ffn;
        for (int64_t i = 0; i < s->ffn; i += 16) {
            vec g = load_bf16(gate + i), d = load_bf16(grad + i);
            vec sigmoid = 1.0f / (exp16(-g) + 1.0f);
            store_bf16(to_up + i, d * g * sigmoid);
            store_bf16(to_gate + i, d * load_bf16(up + i) * sigmoid * (g * (1.0f - sigmoid) + 1.0f));
        }
    }
}

struct Norm {
    const uint16_t *x; /* backward: the gradient of the result */
    uint16_t *y;       /* backward: of x */
    const uint16_t *normed;
    float *scale; /* (rows,): 1 / rms */
    int64_t width; /* a multiple of 16 */
    float eps;
};

static void norm_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct Norm *n = args;
    int64_t w = n->width;
    for (int64_t row = begin; row < end; row++) {
        const uint16_t *x = n->x + row * w;
        vec sum = all(0);
        for (int64_t i = 0; i < w; i += 16) {
            vec v = load_bf16(x + i);
            sum = fma16(v, v, sum);
        }
        float scale = 1.0f / sqrtf(sum16(sum) / (float)w + n->eps);
        n->scale[row] = scale;
        for (int64_t i = 0; i < w; i += 16) store_bf16(n->y + row * w + i, load_bf16(x + i) * scale);
    }
}

static void norm_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct Norm *n = args;
    int64_t w = n->width;
    for (int64_t row = begin; row < end; row++) {
        const uint16_t *grad = n->x + row * w, *normed = n->normed + row * w;
        vec sum = all(0);
        for (int64_t i = 0; i < w; i += 16) sum = fma16(load_bf16(grad + i), load_bf16(normed + i), sum);
        float share = sum16(sum) / (float)w, scale = n->scale[row];
        for (int64_t i = 0; i < w; i += 16)
            store_bf16(n->y + row * w + i, (load_bf16(grad + i) - load_bf16(normed + i) * share) * scale);
    }
}

struct Rotate {
    const uint16_t *x;       /* (tokens, heads, d) with `stride` from token to token */
    uint16_t *y, *normed;    /* (tokens, heads, d) */
    const uint16_t *grad;    /* backward: the gradient of y */
    const float *cos, *sin;  /* (tables, heads, d): token i reads table i % tables */
    const float *gains;      /* (heads, d) */
    float *grad_gains;       /* (parts, heads, d), zero at first */
    float *scale;            /* (tokens, heads) */
    int64_t heads, dim, stride, tables; /* dim a multiple of 32 */
    float eps;
};

static void rotate_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    (void)part;
    const struct Rotate *r = args;
    int64_t d = r->dim, half = d / 2;
    for (int64_t token = begin; token < end; token++)
        for (int64_t head = 0; head < r->heads; head++) {
            const uint16_t *x = r->x + token * r->stride + head * d;
            int64_t at = (token * r->heads + head) * d;
            int64_t place = (token % r->tables * r->heads + head) * d;
            const float *cos = r->cos + place, *sin = r->sin + place, *gains = r->gains + head * d;
            vec sum = all(0);
            for (int64_t i = 0; i < d; i += 16) {
                vec v = load_bf16(x + i);
                sum = fma16(v, v, sum);
            }
            float scale = 1.0f / sqrtf(sum16(sum) / (float)d + r->eps);
            r->scale[token * r->heads + head] = scale;
            for (int64_t i = 0; i < half; i += 16) {
                vec a = load_bf16(x + i) * scale, b = load_bf16(x + half + i) * scale;
                store_bf16(r->normed + at + i, a);
                store_bf16(r->normed + at + half + i, b);
                a *= load(gains + i), b *= load(gains + half + i);
                store_bf16(r->y + at + i, a * load(cos + i) + b * load(sin + i));
                store_bf16(r->y + at + half + i,
                           b * load(cos + half + i) + a * load(sin + half + i));
            }
        }
}

static void rotate_back_rows(void *args, int64_t begin, int64_t end, int64_t part) {
    const struct Rotate *r = args;
    int64_t d = r->dim, half = d / 2;
    for (int64_t token = begin; token < end; token++)
        for (int64_t head = 0; head < r->heads; head++) {
            int64_t at = (token * r->heads + head) * d;
            int64_t place = (token % r->tables * r->heads + head) * d;
            const float *cos = r->cos + place, *sin = r->sin + place, *gains = r->gains + head * d;
            float *to_gains = r->grad_gains + (part * r->heads + head) * d;
            const uint16_t *grad = r->grad + at, *normed = r->normed + at;
            float scale = r->scale[token * r->heads + head];
            vec sum = all(0);
            for (int64_t i = 0; i < half; i += 16) {
                vec a = load_bf16(grad + i), b = load_bf16(grad + half + i);
                vec to_a = a * load(cos + i) + b * load(sin + half + i);
                vec to_b = b * load(cos + half + i) + a * load(sin + i);
                vec na = load_bf16(normed + i), nb = load_bf16(normed + half + i);
                store(to_gains + i, fma16(to_a, na, load(to_gains + i)));
                store(to_gains + half + i, fma16(to_b, nb, load(to_gains + half + i)));
                sum = fma16(to_a * load(gains + i), na, sum);
                sum = fma16(to_b * load(gains + half + i), nb, sum);
            }
            float share = sum16(sum) / (float)d;
            for (int64_t i = 0; i < half; i += 16) {
                vec a = load_bf16(grad + i), b = load_bf16(grad + half + i);
                vec to_a = (a * load(cos + i) + b * load(sin + half + i)) * load(gains + i);
                vec to_b = (b * load(cos + half + i) + a * load(sin + i)) * load(gains + half + i);
                store_bf16(r->y + at + i, (to_a - load_bf16(normed + i) * share) * scale);
                store_bf16(r->y + at + half + i,
                           (to_b - load_bf16(normed + half + i) * share) * scale);
            }
        }
}
