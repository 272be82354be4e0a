/* Decoding with 512-bit vectors. See decode_module.h. */
#define NAME "_decode512"
#define INIT PyInit__decode512
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,avx2,f16c")
#define AVX512
#define INSTRUCTIONS "avx512"
#else
#define INSTRUCTIONS "none"
#endif
#include "decode_module.h"
