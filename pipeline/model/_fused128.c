/* A training step's row-wise parts with the vectors that every CPU of the architecture has: NEON's
 * on ARM, SSE2's on x86. See fused_module.h.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NAME "_fused128"
#define INIT PyInit__fused128
#define LANES 4
#if defined(__aarch64__)
#include <arm_neon.h>
#define NEON
#define INSTRUCTIONS "neon"
#else
#define INSTRUCTIONS "portable"
#endif
#include "fused_module.h"
