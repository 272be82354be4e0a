/* Decoding with 512-bit vectors: float32, bf16 and int8 products. See decode_module.h. */
#define NAME "_decode512"
#define INIT PyInit__decode512
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,fma,avx2,f16c")
#define AVX512
#define INSTRUCTIONS "avx512"
#else
#define INSTRUCTIONS "portable"
#endif
#include "decode_module.h"
