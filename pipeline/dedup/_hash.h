/* Hashing that both modules of dedup share: signatures are made from the words' hashes. */

#include <stdint.h>
#include <string.h>

#define STEP UINT64_C(0x9E3779B97F4A7C15)

/* SplitMix64: spreads every bit over all 64, after a step off zero */
static inline uint64_t mix(uint64_t x)
{
    x += STEP;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline void store64(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}
