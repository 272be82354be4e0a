/* Decoding with 256-bit vectors. See decode_module.h. */
#define NAME "_decode256"
#define INIT PyInit__decode256
#define LANES 8
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma,f16c")
#define AVX2
#define INSTRUCTIONS "avx2"
#else
#define INSTRUCTIONS "none"
#endif
#include "decode_module.h"
