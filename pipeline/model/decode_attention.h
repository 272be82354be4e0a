/* A new token's queries over the keys it may see, wherever they lie.
 *
 * A page holds, for each layer and key head, keys in blocks of 16 positions, (head_dim, 16) each, so
 * that 16 scores are made at once; then values, (PAGE, head_dim). Scores and sums go by absolute
 * position: which pages they lie in, and who shares them, changes no bit.
 */

#ifdef AVX512
enum { MOST_VALUES = 8 }; /* vectors of values that are summed at a time */
#else
enum { MOST_VALUES = 4 };
#endif

static inline int64_t element_size(const struct Model *m) { return m->format == F32 ? 4 : 2; }

static inline char *keys_at(const struct Model *m, int64_t page, int64_t layer, int64_t head) {
    return (char *)page + (layer * m->kv_heads + head) * 2 * PAGE * m->head_dim * element_size(m);
}

static inline char *values_at(const struct Model *m, int64_t page, int64_t layer, int64_t head) {
    return keys_at(m, page, layer, head) + PAGE * m->head_dim * element_size(m);
}

/* One head of one token: norm with its gain and rotation, as the family has them. */
static inline void norm_and_rotate(const struct Model *m, float *x, const float *gain,
                                   int64_t position) {
    int64_t d = m->head_dim, half = d / 2;
    float scale = gain ? 1.0f / sqrtf(square_mean(x, d) + (float)m->eps) : 1.0f;
    if (gain)
        for (int64_t i = 0; i < d; i += LANES) store(x + i, load(x + i) * scale * load(gain + i));
    if (!m->cos) return;
    const float *cos = m->cos + position * d, *sin = m->sin + position * d;
    for (int64_t i = 0; i < half; i += LANES) {
        vec a = load(x + i), b = load(x + half + i);
        store(x + i, fma16(b, load(sin + i), a * load(cos + i)));
        store(x + half + i, fma16(a, load(sin + half + i), b * load(cos + half + i)));
    }
}

/* Queries of a key head's group, its key and value: rotated, and the latter two kept. */
static void rotate_and_keep(const struct Model *m, const struct Layer *w, const int64_t *table,
                            int64_t layer, int64_t head, int64_t position, float *qkv) {
    int64_t d = m->head_dim, group = m->heads / m->kv_heads;
    float *key = qkv + (m->heads + head) * d, *value = key + m->kv_heads * d;
    for (int64_t q = head * group; q < (head + 1) * group; q++)
        norm_and_rotate(m, qkv + q * d, w->gains ? w->gains + q * d : 0, position);
    norm_and_rotate(m, key, w->gains ? w->gains + (m->heads + head) * d : 0, position);
    int64_t own = position % PAGE, at = own / 16 * 16 * d + own % 16, page = table[position / PAGE];
    char *keys = keys_at(m, page, layer, head), *values = values_at(m, page, layer, head);
    if (m->format == F32) {
        for (int64_t i = 0; i < d; i++) ((float *)keys)[at + i * 16] = key[i];
        memcpy((float *)values + own * d, value, (size_t)d * 4);
    } else {
        uint16_t rounded[LANES];
        for (int64_t i = 0; i < d; i += LANES) {
            store_bf16(rounded, load(key + i));
            for (int64_t j = 0; j < LANES; j++) ((uint16_t *)keys)[at + (i + j) * 16] = rounded[j];
            store_bf16((uint16_t *)values + own * d + i, load(value + i));
        }
    }
}

ALWAYS vec load_as(int wide, const char *p, int64_t index) {
    return wide ? load((const float *)p + index) : load_bf16((const uint16_t *)p + index);
}

/* Scores of `heads` queries against one page's keys; may write up to 15 past the end. */
ALWAYS void scores_of(int wide, int heads, int64_t d, const float *q, const char *keys,
                      int64_t count, float *scores, int64_t stride) {
    for (int64_t p = 0; p < count; p += LANES) { /* LANES of a block's 16 */
        const int64_t block = p / 16 * 16 * d + p % 16;
        vec sums[4] = {{0}};
        for (int64_t i = 0; i < d; i++) {
            vec key = load_as(wide, keys, block + i * 16);
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) sums[h] = fma16(all(q[h * d + i]), key, sums[h]);
        }
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) store(scores + h * stride + p, sums[h]);
    }
}

/* Scores to probabilities, unnormalised; their sum. */
static float soften(float *scores, int64_t count) {
    for (int64_t i = count; i < (count + 15) / 16 * 16; i++) scores[i] = -INFINITY;
    vec top = all(-INFINITY), sum = all(0);
    for (int64_t i = 0; i < count; i += LANES) top = larger(load(scores + i), top);
    float largest = max16(top);
    for (int64_t i = 0; i < count; i += LANES) {
        vec e = exp16(load(scores + i) - largest);
        store(scores + i, e);
        sum += e;
    }
    return sum16(sum);
}

struct Piece { /* keys and values of positions [start, end) */
    const char *keys, *values;
    int64_t start, end;
};

/* `parts` vectors of the values, weighed and summed, positions in order; even and odd ones apart to
 * have more under way. `d`: from one position to the next. */
ALWAYS void weigh_some(int wide, int parts, int64_t d, const struct Piece *pieces, int count,
                       int64_t offset, const float *p, float total, float *out) {
    vec even[8] = {{0}}, odd[8] = {{0}};
    for (int i = 0; i < count; i++) {
        int64_t at = pieces[i].start;
        const char *values = pieces[i].values;
        if (at % 2 && at < pieces[i].end) {
#pragma GCC unroll 8
            for (int j = 0; j < parts; j++)
                odd[j] = fma16(all(p[at]), load_as(wide, values, offset + j * LANES), odd[j]);
            at++;
        }
        for (; at + 1 < pieces[i].end; at += 2) {
            int64_t own = (at - pieces[i].start) * d + offset;
#pragma GCC unroll 8
            for (int j = 0; j < parts; j++) {
                even[j] = fma16(all(p[at]), load_as(wide, values, own + j * LANES), even[j]);
                odd[j] = fma16(all(p[at + 1]), load_as(wide, values, own + d + j * LANES), odd[j]);
            }
        }
        if (at < pieces[i].end) {
            int64_t own = (at - pieces[i].start) * d + offset;
#pragma GCC unroll 8
            for (int j = 0; j < parts; j++)
                even[j] = fma16(all(p[at]), load_as(wide, values, own + j * LANES), even[j]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < parts; j++) store(out + j * LANES, (even[j] + odd[j]) / total);
}

/* All of a head's values, as many vectors at a time as there are registers for their sums. */
ALWAYS void weigh(int wide, int64_t d, const struct Piece *pieces, int count, const float *p,
                  float total, float *out) {
    int64_t i = 0, vectors = d / LANES;
    for (; MOST_VALUES >= 8 && i + 8 <= vectors; i += 8)
        weigh_some(wide, 8, d, pieces, count, i * LANES, p, total, out + i * LANES);
    if (MOST_VALUES >= 6 && i + 6 <= vectors) {
        weigh_some(wide, 6, d, pieces, count, i * LANES, p, total, out + i * LANES);
        i += 6;
    }
    for (; i + 4 <= vectors; i += 4)
        weigh_some(wide, 4, d, pieces, count, i * LANES, p, total, out + i * LANES);
    if (i + 2 <= vectors)
        weigh_some(wide, 2, d, pieces, count, i * LANES, p, total, out + i * LANES);
}

ALWAYS void attend_as(int wide, const struct Model *m, const struct Piece *pieces, int count,
                      int64_t length, const float *q, int64_t group, float *scores, int64_t stride,
                      float *out) {
    int64_t d = m->head_dim;
    for (int64_t h = 0; h < group;) {
        int64_t heads = group - h < 4 ? group - h : 4;
        for (int i = 0; i < count; i++) {
            const struct Piece *piece = pieces + i;
            float *s = scores + piece->start;
            int64_t n = piece->end - piece->start;
            switch (heads) {
            case 1: scores_of(wide, 1, d, q + h * d, piece->keys, n, s, stride); break;
            case 2: scores_of(wide, 2, d, q + h * d, piece->keys, n, s, stride); break;
            case 3: scores_of(wide, 3, d, q + h * d, piece->keys, n, s, stride); break;
            default: scores_of(wide, 4, d, q + h * d, piece->keys, n, s, stride);
            }
        }
        for (int64_t i = 0; i < heads; i++, h++) {
            float *p = scores + i * stride, total = soften(p, length);
            weigh(wide, d, pieces, count, p, total, out + h * d);
        }
    }
}

/* The group of queries of a key head at `position`, over all it may see: (group, head_dim). */
static void attend(const struct Model *m, const int64_t *table, int64_t layer, int64_t head,
                   int64_t position, const float *qkv, struct Piece *pieces, float *scores,
                   float *out) {
    int count = (int)(position / PAGE) + 1;
    int64_t d = m->head_dim, group = m->heads / m->kv_heads;
    for (int i = 0; i < count; i++) {
        int64_t start = (int64_t)i * PAGE;
        int64_t end = start + PAGE < position + 1 ? start + PAGE : position + 1;
        pieces[i] = (struct Piece){keys_at(m, table[i], layer, head),
                                   values_at(m, table[i], layer, head), start, end};
    }
    int64_t stride = (position + 48) / 16 * 16;
    const float *q = qkv + head * group * d;
    out += head * group * d;
    if (m->format == F32)
        attend_as(1, m, pieces, count, position + 1, q, group, scores, stride, out);
    else
        attend_as(0, m, pieces, count, position + 1, q, group, scores, stride, out);
}
