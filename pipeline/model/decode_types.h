/* What Python hands over: records whose fields are 8 bytes each (numpy dtypes in native.py). */
#include <stdint.h>

enum { F32, BF16, INT8 };             /* how matrices are stored */
enum { RMS, LAYER };                  /* norms */
enum { SWIGLU, GELU_TANH, RELU2 };    /* activations */
enum { PANEL = 32, BLOCK = 96, HEAD_ROWS = 48, PAGE = 32, SUM_BLOCK = 64 };

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

/* A page holds the keys and values of PAGE positions in all layers; a row's table, addresses of the
 * pages of its positions in their order. Rows may share pages that are full. */
enum { UNDER_WAY, AT_LIMIT, STOPPED, WAITING, READING }; /* READING: under way once it is read */

struct Row { /* a completion, its settings its own */
    int64_t state;
    int64_t position; /* that the next token takes: how many have been read */
    int64_t made, limit;
    double temperature, top_p, min_p;
    int64_t top_k;
    uint64_t key;
    const int64_t *stop_tokens;
    int64_t stops;
    int32_t *tokens;  /* (limit,) */
    float *logprobs;  /* (limit,) */
    float *untruncated; /* (limit,) or null: log-probabilities at temperature 1, nothing left out */
    int64_t top;      /* so many of the most likely tokens are told as well … */
    int32_t *top_tokens; /* (limit, top) */
    float *top_logprobs; /* (limit, top), untruncated */
    const float *bias;   /* (vocab,) or null: added to the logits first; -inf forbids a token */
};

struct Batch {
    int64_t rows, stride; /* of tables */
    const int64_t *tables; /* (rows, stride) */
    float *hidden;         /* (outputs, width); of completions, (rows, width) */
    int64_t steps;
    struct Row *row;       /* (rows,) or null: nothing but reading */
    int64_t entries;       /* tokens to read in the first step, a row's one after another */
    const int32_t *tokens, *of, *positions, *outputs; /* of: row; outputs: row of hidden or -1 */
};
