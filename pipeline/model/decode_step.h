/* The forward pass of a few tokens, by one thread for rows of its own or by a team for all rows. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct Barrier {
    atomic_int waiting, round;
};

struct Team { /* who shares the work on a block: count 1 = alone */
    int64_t id, count;
    struct Barrier *barrier;
};

static void meet(const struct Team *t) {
    if (t->count == 1) return;
    int round = atomic_load(&t->barrier->round);
    if (atomic_fetch_add(&t->barrier->waiting, 1) == t->count - 1) {
        atomic_store(&t->barrier->waiting, 0);
        atomic_fetch_add(&t->barrier->round, 1);
        return;
    }
    for (int spins = 0; atomic_load(&t->barrier->round) == round; spins++)
        if (spins > 2000) sched_yield(); /* another program may have our core */
}

static inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

struct Block { /* of up to BLOCK tokens; a team has one, a thread on its own too */
    float *x, *qkv, *attended, *up, *logits;
};

struct Own { /* a thread's: prepared rows, scores, pages of a row, a row, sampling's scratch */
    struct Prepared a;
    struct Piece *pieces;
    float *scores, *row, *scratch, *untruncated;
};

static void *room(int64_t bytes, int *failed) {
    void *p = 0;
    if (posix_memalign(&p, 64, (size_t)bytes + 256)) *failed = 1;
    return p;
}

static float *floats(int64_t n, int *failed) { return room(n * 4, failed); }

static void make_block(const struct Model *m, struct Block *b, int *failed) {
    int64_t width = round_up(m->width, PANEL);
    b->x = floats(BLOCK * width, failed);
    b->qkv = floats(BLOCK * m->layer[0].qkv.n, failed);
    b->attended = floats(BLOCK * m->heads * m->head_dim, failed);
    b->up = floats(BLOCK * m->layer[0].gate_up.n, failed);
    b->logits = floats(HEAD_ROWS * m->head.n, failed);
}

static void drop_block(struct Block *b) {
    free(b->x), free(b->qkv), free(b->attended), free(b->up), free(b->logits);
    *b = (struct Block){0};
}

static void make_own(const struct Model *m, struct Own *o, int64_t positions, int *failed) {
    int64_t attended = m->heads * m->head_dim;
    int64_t k = m->width > m->ffn ? m->width : m->ffn;
    k = k > attended ? k : attended;
    o->a.stride = (k + 16) * 4; /* not a power of two: rows would fight for the same cache lines */
    o->a.data = (char *)floats(BLOCK * (k + 16), failed);
    o->pieces = room((positions / PAGE + 2) * (int64_t)sizeof *o->pieces, failed);
    o->scores = floats(4 * (positions + 64), failed);
    o->row = floats(k, failed);
    o->scratch = floats(m->head.n, failed);
    o->untruncated = floats(m->head.n, failed);
}

static void drop_own(struct Own *o) {
    free(o->a.data), free(o->pieces), free(o->scores), free(o->row), free(o->scratch);
    free(o->untruncated);
    *o = (struct Own){0};
}

static void prepare_normed(const struct Model *m, struct Own *o, const float *x, int64_t stride,
                           int64_t rows) {
    for (int64_t r = 0; r < rows; r++, x += stride) {
        float shift, scale;
        norm_of(m, x, &shift, &scale);
        for (int64_t i = 0; i < m->width; i += LANES)
            store(o->row + i, (load(x + i) - shift) * scale);
        prepare_row(&o->a, (int)m->format, r, m->width, o->row);
    }
}

/* This member's share of a product's panels. */
static void share(const struct Model *m, const struct Team *t, const struct Own *o,
                  const struct Matrix *w, int64_t rows, float *y, int64_t stride, int add) {
    int64_t panels = w->n / PANEL;
    product(m, w, &o->a, rows, panels * t->id / t->count,
            panels * (t->id + 1) / t->count, (struct Target){y, stride, add});
}

/* Tokens at positions of rows with these tables; keys and values are kept, b->x is the residual
 * stream's end. */
static void forward(const struct Model *m, const struct Team *t, const struct Block *b,
                    struct Own *o, int64_t rows, const int32_t *tokens,
                    const int64_t *const *tables, const int32_t *position) {
    int64_t width = round_up(m->width, PANEL), attended = m->heads * m->head_dim;
    for (int64_t r = t->id; r < rows; r += t->count) {
        const float *from = m->embedding + (int64_t)tokens[r] * m->width;
        const float *learned = m->positions ? m->positions + (int64_t)position[r] * m->width : 0;
        for (int64_t i = 0; i < m->width; i += LANES)
            store(b->x + r * width + i,
                  learned ? load(from + i) + load(learned + i) : load(from + i));
    }
    meet(t);
    for (int64_t l = 0; l < m->layers; l++) {
        const struct Layer *w = m->layer + l;
        int64_t items = rows * m->kv_heads;
        prepare_normed(m, o, b->x, width, rows);
        share(m, t, o, &w->qkv, rows, b->qkv, w->qkv.n, 0);
        meet(t);
        for (int64_t i = t->id; i < items; i += t->count) {
            int64_t r = i / m->kv_heads;
            rotate_and_keep(m, w, tables[r], l, i % m->kv_heads, position[r],
                            b->qkv + r * w->qkv.n);
        }
        meet(t); /* tokens of one row see each other */
        for (int64_t i = t->id; i < items; i += t->count) {
            int64_t r = i / m->kv_heads;
            attend(m, tables[r], l, i % m->kv_heads, position[r], b->qkv + r * w->qkv.n, o->pieces,
                   o->scores, b->attended + r * attended);
        }
        meet(t);
        for (int64_t r = 0; r < rows; r++)
            prepare_row(&o->a, (int)m->format, r, attended, b->attended + r * attended);
        share(m, t, o, &w->output, rows, b->x, width, 1);
        meet(t);
        prepare_normed(m, o, b->x, width, rows);
        share(m, t, o, &w->gate_up, rows, b->up, w->gate_up.n, 0);
        meet(t);
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t i = 0; i < m->ffn; i += LANES)
                store(o->row + i, activated(m, b->up + r * w->gate_up.n, i));
            prepare_row(&o->a, (int)m->format, r, m->ffn, o->row);
        }
        share(m, t, o, &w->down, rows, b->x, width, 1);
        meet(t);
    }
}

/* The end of the residual stream, normed: what the head multiplies. */
static void hidden_of(const struct Model *m, const float *x, float *out) {
    float shift, scale;
    norm_of(m, x, &shift, &scale);
    for (int64_t i = 0; i < m->width; i += LANES) store(out + i, (load(x + i) - shift) * scale);
}
