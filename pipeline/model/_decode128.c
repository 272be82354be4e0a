/* Decoding with the vectors that every CPU of the architecture has: NEON's on ARM, SSE2's on x86. See
 * decode_module.h.
 */
#define NAME "_decode128"
#define INIT PyInit__decode128
#if defined(__aarch64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=fast")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT ON
#endif
#define INSTRUCTIONS "neon"
#else
#define INSTRUCTIONS "portable"
#endif
#include "decode_module.h"
