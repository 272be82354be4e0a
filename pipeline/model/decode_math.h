/* Vectors of LANES floats: the compiler splits them where registers are shorter. */
#include <math.h>
#include <string.h>

static inline vec load(const float *p) { return (vec) * (const loose_vec *)p; }
static inline void store(float *p, vec v) { *(loose_vec *)p = (loose_vec)v; }
static inline vec all(float x) { return x - (vec){0}; }

static inline vec load_bf16(const uint16_t *p) {
    return (vec)(__builtin_convertvector(*(const loose_half *)p, uvec) << 16);
}

/* Rounds to nearest, ties to even. */
static inline void store_bf16(uint16_t *p, vec v) {
    uvec bits = (uvec)v;
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    *(loose_half *)p = __builtin_convertvector(bits, loose_half);
}

static inline vec fma16(vec a, vec b, vec c) {
#if defined(AVX512) && LANES == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(AVX2) && LANES == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(NEON) && LANES == 4
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* C has no ?: for vectors. */
static inline vec either(ivec yes, vec a, vec b) {
    return (vec)((yes & (ivec)a) | (~yes & (ivec)b));
}

static inline vec larger(vec a, vec b) { return either(a > b, a, b); }

/* Halves onto each other, always in the same order, so that sums don't depend on how work was
 * shared. FOLD leaves the result in the first lane.
 */
#if defined(AVX512) && LANES == 16
#define FOLD(v, with)                                                                       \
    v = with(v, __builtin_shuffle(v, (ivec){8, 9, 10, 11, 12, 13, 14, 15}));                \
    v = with(v, __builtin_shuffle(v, (ivec){4, 5, 6, 7}));                                  \
    v = with(v, __builtin_shuffle(v, (ivec){2, 3}));                                        \
    v = with(v, __builtin_shuffle(v, (ivec){1}))
#elif defined(AVX2) && LANES == 8
#define FOLD(v, with)                                                                       \
    v = with(v, __builtin_shuffle(v, (ivec){4, 5, 6, 7}));                                  \
    v = with(v, __builtin_shuffle(v, (ivec){2, 3}));                                        \
    v = with(v, __builtin_shuffle(v, (ivec){1}))
#else
#define FOLD(v, with)                                                                       \
    for (int half = LANES / 2; half; half /= 2)                                             \
        for (int i = 0; i < half; i++) v[i] = with(v[i], v[i + half])
#endif
#define SUM(a, b) ((a) + (b))

static inline float sum16(vec v) {
    FOLD(v, SUM);
    return v[0];
}

#if !defined(AVX512) && !(defined(AVX2) && LANES == 8)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#else
#define LARGER larger
#endif
static inline float max16(vec v) {
    FOLD(v, LARGER);
    return v[0];
}

/* Relative error below 2e-7; NaN stays NaN, -inf gives 0. */
static inline vec exp16(vec x) {
    vec low = all(-87.33654f), high = all(88.3762f);
    ivec under = x < low;
    x = either(under, low, x);
    x = either(x > high, high, x);
    vec n = fma16(x, all(1.44269504f), all(12582912.0f)) - 12582912.0f;
    vec r = fma16(n, all(-0.693359375f), x);
    r = fma16(n, all(2.12194440e-4f), r);
    vec p = fma16(all(1.9875691500e-4f), r, all(1.3981999507e-3f));
    p = fma16(p, r, all(8.3334519073e-3f));
    p = fma16(p, r, all(4.1665795894e-2f));
    p = fma16(p, r, all(1.6666665459e-1f));
    p = fma16(p, r, all(5.0000001201e-1f));
    p = fma16(p, r * r, r + 1.0f);
    ivec power = (__builtin_convertvector(n, ivec) + 127) << 23;
    return either(under, all(0.0f), p * (vec)power);
}

static inline float square_mean(const float *x, int64_t n) {
    vec s = all(0);
    for (int64_t i = 0; i < n; i += LANES) s = fma16(load(x + i), load(x + i), s);
    return sum16(s) / (float)n;
}

/* The family's norm without gain: y = (x - shift) * scale. */
static inline void norm_of(const struct Model *m, const float *x, float *shift, float *scale) {
    *shift = 0;
    if (m->norm == RMS) {
        *scale = 1.0f / sqrtf(square_mean(x, m->width) + (float)m->eps);
        return;
    }
    vec s = all(0), q = all(0);
    for (int64_t i = 0; i < m->width; i += LANES) s += load(x + i);
    float mean = sum16(s) / (float)m->width;
    for (int64_t i = 0; i < m->width; i += LANES) {
        vec centred = load(x + i) - mean;
        q = fma16(centred, centred, q);
    }
    *shift = mean;
    *scale = 1.0f / sqrtf(sum16(q) / (float)m->width + (float)m->eps);
}

static inline vec activated(const struct Model *m, const float *up, int64_t i) {
    vec x = load(up + i);
    if (m->activation == SWIGLU) return x / (exp16(-x) + 1.0f) * load(up + m->ffn + i);
    if (m->activation == RELU2) {
        vec positive = larger(x, all(0));
        return positive * positive;
    }
    vec inner = 1.5957691216f * (x + 0.044715f * x * x * x); /* 2 sqrt(2 / pi) … */
    return x / (exp16(-inner) + 1.0f);
}
