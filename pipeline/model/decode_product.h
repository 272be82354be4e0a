/* Products of few rows with packed matrices.
 *
 * A row's sums run over k in one order whatever rows stand beside it, so a result never depends on
 * the batch. All three formats read one 4-byte word of the row (1 float, 2 bf16, 4 uint8) against LANES
 * words of the matrix at a time. bf16 and int8 have an instruction of their own on some processors
 * (`special`) and are made of others' elsewhere: int8 to the same bits, its sums being integers.
 */

/* Rows of x as the format wants them. */
struct Prepared {
    char *data; /* BLOCK rows of k words */
    float scales[BLOCK]; /* int8 only */
    int64_t stride; /* bytes */
};

static inline void prepare_row(struct Prepared *a, int format, int64_t row, int64_t k,
                               const float *x) {
    char *out = a->data + row * a->stride;
    if (format == F32) {
        memcpy(out, x, (size_t)k * 4);
    } else if (format == BF16) {
        for (int64_t i = 0; i < k; i += LANES) store_bf16((uint16_t *)out + i, load(x + i));
    } else {
        vec top = all(0);
        for (int64_t i = 0; i < k; i += LANES) {
            vec v = load(x + i);
            top = larger(larger(v, -v), top);
        }
        float largest = max16(top), scale = largest > 0 ? largest / 127.0f : 1.0f;
        a->scales[row] = isfinite(largest) ? scale : NAN;
        for (int64_t i = 0; i < k; i += LANES) {
            vec v = load(x + i) * (1.0f / scale) + 12582912.0f; /* rounds; the low bits are it */
            ivec q = ((ivec)v & 0xff) ^ 0x80;                     /* + 128 */
            typedef uint8_t loose_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
            *(loose_bytes *)(out + i) = __builtin_convertvector(q, loose_bytes);
        }
    }
}

enum { SUMS = PANEL / LANES }; /* vectors a row and panel */
#if defined(AVX512)
enum { TALLEST = 12 }; /* rows at a time: their sums fill the registers */
#elif defined(AVX2) || defined(NEON)
enum { TALLEST = 3 };
#else
enum { TALLEST = 1 };
#endif
#define ALWAYS static inline __attribute__((always_inline))
typedef int32_t loose_ints __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

struct Target {
    float *y;
    int64_t stride; /* floats */
    int add;        /* to what is there */
};

/* Few rows take several panels at once, to have enough sums under way. */
ALWAYS int wide(int rows) { return TALLEST < 12 ? 1 : rows == 1 ? 4 : rows <= 3 ? 3 : rows <= 5 ? 2 : 1; }


ALWAYS vec add_products_f32(vec sum, int32_t word, const char *b) {
    float x;
    memcpy(&x, &word, 4);
    return fma16(all(x), load((const float *)b), sum);
}
#define FORMAT F32
#define SUMS_OF vec
#define AS(name) name##_f32
#include "decode_tiles.h"

ALWAYS vec add_products_bf16(vec sum, int32_t word, const char *b) {
    ivec w = *(const loose_ints *)b;
    union { uint32_t bits; float value; } even = {(uint32_t)word << 16},
                                          odd = {(uint32_t)word & 0xffff0000u};
    vec part = fma16(all(even.value), (vec)(w << 16), sum);
    return fma16(all(odd.value), (vec)(w & (int32_t)0xffff0000), part);
}
#define FORMAT BF16
#define SUMS_OF vec
#define AS(name) name##_bf16
#include "decode_tiles.h"

/* Bytes to 16 bits, even and odd ones apart; pairs of products never leave 32 bits. */
ALWAYS ivec add_products_int8(ivec sum, int32_t word, const char *b) {
#if defined(AVX512)
    __m512i w = _mm512_loadu_si512(b), a = _mm512_set1_epi32(word);
    __m512i even = _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8), odd = _mm512_srai_epi16(w, 8);
    __m512i low = _mm512_and_si512(a, _mm512_set1_epi16(255)), high = _mm512_srli_epi16(a, 8);
    return sum + (ivec)_mm512_add_epi32((__m512i)_mm512_madd_epi16(even, low),
                                        (__m512i)_mm512_madd_epi16(odd, high));
#elif defined(AVX2)
    __m256i w = _mm256_loadu_si256((const __m256i *)b), a = _mm256_set1_epi32(word);
    __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), odd = _mm256_srai_epi16(w, 8);
    __m256i low = _mm256_and_si256(a, _mm256_set1_epi16(255)), high = _mm256_srli_epi16(a, 8);
    return sum + (ivec)_mm256_add_epi32(_mm256_madd_epi16(even, low),
                                        _mm256_madd_epi16(odd, high));
#else
    ivec w = *(const loose_ints *)b;
    uint32_t a = (uint32_t)word;
    ivec pairs = (w << 24 >> 24) * (int32_t)(a & 255) + (w << 16 >> 24) * (int32_t)(a >> 8 & 255);
    return sum + pairs + (w << 8 >> 24) * (int32_t)(a >> 16 & 255) + (w >> 24) * (int32_t)(a >> 24);
#endif
}
#define FORMAT INT8
#define SUMS_OF ivec
#define AS(name) name##_int8
#include "decode_tiles.h"

#ifdef AVX512
#pragma GCC push_options
#pragma GCC target("avx512bf16")
ALWAYS vec add_products_bf16_special(vec sum, int32_t word, const char *b) {
    __m512i a = _mm512_set1_epi32(word), w = _mm512_loadu_si512(b);
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)w);
}
#define FORMAT BF16
#define SUMS_OF vec
#define AS(name) name##_bf16_special
#include "decode_tiles.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512vnni")
ALWAYS ivec add_products_int8_special(ivec sum, int32_t word, const char *b) {
    return (ivec)_mm512_dpbusd_epi32((__m512i)sum, _mm512_set1_epi32(word), _mm512_loadu_si512(b));
}
#define FORMAT INT8
#define SUMS_OF ivec
#define AS(name) name##_int8_special
#include "decode_tiles.h"
#pragma GCC pop_options
#else
#define product_as_bf16_special product_as_bf16
#define product_as_int8_special product_as_int8
#endif

/* Panels [first, last) of y = x W^T + bias for all prepared rows. */
static void product(const struct Model *m, const struct Matrix *w, const struct Prepared *a,
                    int64_t rows, int64_t first, int64_t last, struct Target t) {
    if (m->format == F32)
        product_as_f32(w, a, rows, first, last, &t);
    else if (m->format == BF16)
        (m->special ? product_as_bf16_special : product_as_bf16)(w, a, rows, first, last, &t);
    else
        (m->special ? product_as_int8_special : product_as_int8)(w, a, rows, first, last, &t);
}
