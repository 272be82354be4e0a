/* What Python hands over: records whose fields are 8 bytes each (numpy dtypes in native.py). */
#include <stdint.h>

enum { F32, BF16, INT8 };             /* how matrices are stored */
enum { RMS, LAYER };                  /* norms */
enum { SWIGLU, GELU_TANH, RELU2 };    /* activations */
enum { PANEL = 32, BLOCK = 96, HEAD_ROWS = 48, DEPTH = 8, SUM_BLOCK = 64 };

#ifndef LANES
#define LANES 16 /* floats of a vector, as the machine has them */
#endif
typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
typedef float loose_vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint16_t loose_half __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
typedef uint32_t uvec __attribute__((vector_size(LANES * 4)));

/* y = x W^T: W in panels of 32 rows; per panel and word of k, 32 words of 4 bytes. */
struct Matrix {
    const char *data;
    const float *bias;    /* (n,) or null */
    const float *scales;  /* (n,), int8 only */
    const int32_t *sums;  /* (n,) sums of a row's int8, int8 only */
    int64_t n, k;         /* n a multiple of 32 (zero rows added) */
};

struct Layer {
    struct Matrix qkv, output, gate_up, down;
    const float *gains; /* (heads + kv_heads, head_dim) or null */
};

struct Model {
    int64_t layers, width, heads, kv_heads, head_dim, ffn, vocab, norm, activation, format;
    int64_t special; /* the processor has an instruction for the format's products */
    double eps;
    const float *embedding, *positions, *cos, *sin; /* positions or cos and sin may be null */
    const struct Layer *layer;
    struct Matrix head;
};

/* Keys and values of some positions: from `start` on its own, before that its parent's. */
struct Lane {
    int64_t parent, start, capacity; /* parent -1: none; capacity a multiple of 16 */
    char *data;
};

struct Entries { /* tokens to read */
    int64_t count;
    const int32_t *tokens, *lanes, *positions, *outputs; /* outputs: row of hidden or -1 */
    float *hidden;
};

struct Rows { /* completions under way */
    int64_t count, steps, stops, top_k, max_new;
    double temperature, top_p, min_p;
    const int64_t *stop_tokens;
    const uint64_t *keys;
    const int32_t *lanes, *limits;
    int32_t *starts;   /* position that the next token takes, at step 0 */
    int32_t *made;     /* tokens made so far */
    int32_t *tokens;   /* (count, max_new) */
    float *logprobs;   /* (count, max_new) */
    int8_t *done;      /* 0 under way, 1 at its limit, 2 stopped */
    float *hidden;     /* (count, width) */
};
