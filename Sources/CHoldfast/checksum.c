// CRC-32C in two interleaved lanes: with CPU instructions on x86-64 (SSE 4.2) and AArch64 (CRC),
// with a table elsewhere.
#include "CHoldfast.h"
#include <stdbool.h>
#include <string.h>

static uint64_t load_word(const unsigned char *bytes, size_t count) {
    uint64_t word = 0;
    memcpy(&word, bytes, count);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

// A macro instead of a function with a pointer to the step, because the step must be inlined into
// each variant.
#define LANES(STEP)                                                                                \
    const unsigned char *at = bytes;                                                               \
    uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);                                  \
    while (count >= 16) {                                                                          \
        low = STEP(low, load_word(at, 8));                                                         \
        high = STEP(high, load_word(at + 8, 8));                                                   \
        at += 16;                                                                                  \
        count -= 16;                                                                               \
    }                                                                                              \
    if (count >= 8) {                                                                              \
        low = STEP(low, load_word(at, 8));                                                         \
        if (count > 8)                                                                             \
            high = STEP(high, load_word(at + 8, count - 8));                                       \
    } else if (count > 0) {                                                                        \
        low = STEP(low, load_word(at, count));                                                     \
    }                                                                                              \
    return (uint64_t)high << 32 | low;

// One nibble at a time: a table of 16 entries can be checked by eye and needs no initialisation.
static uint32_t portable_step(uint32_t crc, uint64_t word) {
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (int i = 0; i < 16; i++) {
        crc = table[(crc ^ (uint32_t)word) & 15] ^ (crc >> 4);
        word >>= 4;
    }
    return crc;
}

uint64_t holdfast_checksum_portable(uint64_t seed, const void *bytes,
                                    size_t count){LANES(portable_step)}

#if defined(__x86_64__)

#include <nmmintrin.h>
#define HARDWARE_STEP(crc, word) (uint32_t)_mm_crc32_u64(crc, word)

__attribute__((target("sse4.2"))) static uint64_t
    hardware_checksum(uint64_t seed, const void *bytes, size_t count){LANES(HARDWARE_STEP)}

uint64_t holdfast_checksum(uint64_t seed, const void *bytes, size_t count) {
    return __builtin_cpu_supports("sse4.2") ? hardware_checksum(seed, bytes, count)
                                            : holdfast_checksum_portable(seed, bytes, count);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

uint64_t holdfast_checksum(uint64_t seed, const void *bytes, size_t count){LANES(__crc32cd)}

#else

uint64_t holdfast_checksum(uint64_t seed, const void *bytes, size_t count) {
    return holdfast_checksum_portable(seed, bytes, count);
}

#endif
