/* Decoding with the vectors that every CPU of the architecture has: NEON's on ARM, SSE2's on x86. See
 * decode_module.h.
 */
#define NAME "_decode128"
#define INIT PyInit__decode128
#define LANES 4
#if defined(__aarch64__)
#define NEON
#define INSTRUCTIONS "neon"
#else
#define INSTRUCTIONS "portable"
#endif
#include "decode_module.h"
