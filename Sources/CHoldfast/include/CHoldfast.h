// Features that Swift cannot express: CPU instructions, thread-local variables, switching stacks, a
// counter that other modules read with one load, and Linux calls that Swift's Glibc module lacks.
// Nothing else belongs here.
#ifndef CHOLDFAST_H
#define CHOLDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// 64-bit checksum made of two interleaved CRC-32C lanes (Castagnoli polynomial, RFC 3720 appendix
/// B.4).
///
/// The bytes are read as little-endian 8-byte words. Even words feed the low lane and odd words the
/// high lane; a last partial word is padded with zero bytes. The lanes start from the halves of
/// `seed` and are not inverted. Each lane detects every burst of up to 32 bits and every single
/// flipped bit in its words. Two lanes hide the latency of the CPU's CRC instruction, which is used
/// if available.
uint64_t holdfast_checksum(uint64_t seed, const void *_Nonnull bytes, size_t count);

/// The same checksum, always with the table; tests compare the two.
uint64_t holdfast_checksum_portable(uint64_t seed, const void *_Nonnull bytes, size_t count);

/// The innermost transaction that the calling thread has open, or null. Swift has no thread-local
/// variables.
extern _Thread_local void *_Nullable holdfast_innermost_transaction;

static inline void *_Nullable holdfast_get_innermost_transaction(void) {
    return holdfast_innermost_transaction;
}

static inline void holdfast_set_innermost_transaction(void *_Nullable transaction) {
    holdfast_innermost_transaction = transaction;
}

/// The calling thread's number, from 1 in the order of first calls; 0 before its first call.
extern _Thread_local unsigned holdfast_number_of_thread;

unsigned holdfast_next_thread_number(void);

static inline unsigned holdfast_thread_number(void) {
    const unsigned number = holdfast_number_of_thread;
    return number != 0 ? number : holdfast_next_thread_number();
}

/// What chooses the order of the calling thread's steps, or null; see `Interleaving`. Set by tests.
extern _Thread_local void *_Nullable holdfast_interleaver_of_thread;

static inline void *_Nullable holdfast_get_interleaver(void) {
    return holdfast_interleaver_of_thread;
}

static inline void holdfast_set_interleaver(void *_Nullable interleaver) {
    holdfast_interleaver_of_thread = interleaver;
}

/// The lowest address that the calling thread's stack may grow to, or 0 if it is not known yet; see
/// `holdfast_stack_left`.
extern _Thread_local uintptr_t holdfast_stack_end;

/// Bytes of the additional stacks in use by the calling thread.
extern _Thread_local intptr_t holdfast_stack_segment_bytes;

static inline intptr_t holdfast_get_stack_segment_bytes(void) {
    return holdfast_stack_segment_bytes;
}

static inline void holdfast_set_stack_segment_bytes(intptr_t bytes) {
    holdfast_stack_segment_bytes = bytes;
}

/// Queries the system for `holdfast_stack_end`, and stores it.
uintptr_t holdfast_find_stack_end(void);

/// Bytes by which the calling thread's current stack may still grow.
static inline size_t holdfast_stack_left(void) {
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t known = holdfast_stack_end;
    const uintptr_t end = known == 0 ? holdfast_find_stack_end() : known;
    return here > end ? here - end : 0;
}

/// Calls `body` on a stack of `count` bytes from `lowest` on, and returns when it does. The thread
/// and all its state stay the same. `lowest` is aligned to 16 bytes. On processors other than
/// x86-64 and arm64, `body` runs on the current stack.
void holdfast_call_on_stack(
    void *_Nonnull lowest, size_t count, void (*_Nonnull body)(void *_Nullable),
    void *_Nullable context);

/// Tells the processor that this loop waits for a store of another processor.
static inline void holdfast_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

/// The number of forks between the first process that used `ForkGuard` and this process. A plain
/// load: only the child's fork handler stores it, before any other thread of the child exists.
extern int holdfast_fork_count;

static inline int holdfast_get_fork_count(void) {
    return holdfast_fork_count;
}

/// Called in the child of a fork.
static inline void holdfast_count_fork(void) {
    holdfast_fork_count++;
}

/// The monotonic clock in nanoseconds, with a resolution of a few milliseconds where that is
/// cheaper.
static inline uint64_t holdfast_coarse_clock(void) {
    struct timespec time;
#if defined(CLOCK_MONOTONIC_COARSE)
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
#else
    clock_gettime(CLOCK_MONOTONIC, &time);
#endif
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/// Sleeps while the word at `address`, in memory that may be shared between processes, holds
/// `expected`, for at most `nanoseconds`; returns whether the timeout expired. Returns at once if
/// the word holds another value, and may return early. On systems without such a call (macOS before
/// 14.4), sleeps for at most a millisecond.
bool holdfast_wait_on_word(
    const uint32_t *_Nonnull address, uint32_t expected, int64_t nanoseconds);

/// Wakes all threads, in any process, that sleep on the word at `address`.
void holdfast_wake_word(const uint32_t *_Nonnull address);

/// Wakes one of them.
void holdfast_wake_one(const uint32_t *_Nonnull address);

/// A mask with a bit set for each of the 32 bytes at `bytes` that equals `byte`.
static inline uint32_t holdfast_equal_bytes(const void *_Nonnull bytes, uint8_t byte) {
#if defined(__SSE2__)
    const __m128i pattern = _mm_set1_epi8((char)byte);
    const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)bytes), pattern);
    const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)bytes + 1), pattern);
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
#else
    const uint64_t pattern = byte * 0x0101010101010101u;
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    uint32_t equal = 0;
    for (int word = 0; word < 4; word++) {
        uint64_t difference;
        __builtin_memcpy(&difference, (const char *)bytes + word * 8, 8);
        difference ^= pattern;
        // First the high bit of every zero byte, then these eight bits gathered side by side.
        const uint64_t zeros = ~(((difference & low) + low) | difference | low);
        equal |= (uint32_t)(((zeros >> 7) * 0x0102040810204080u) >> 56) << (word * 8);
    }
    return equal;
#endif
}

/// The high bits of eight words of eight bytes, `stride` bytes apart: a byte for each word, with
/// the high bit of each of the word's bytes.
static inline uint64_t holdfast_high_bits(const void *_Nonnull words, size_t stride) {
    const char *const at = (const char *)words;
    uint64_t bits = 0;
#if defined(__SSE2__)
    for (int pair = 0; pair < 4; pair++) {
        const __m128i first = _mm_loadl_epi64((const __m128i *)(at + 2 * pair * stride));
        const __m128i second = _mm_loadl_epi64((const __m128i *)(at + (2 * pair + 1) * stride));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_unpacklo_epi64(first, second))
            << (16 * pair);
    }
#else
    for (int index = 0; index < 8; index++) {
        uint64_t word;
        __builtin_memcpy(&word, at + index * stride, 8);
        // One multiplication gathers the high bits: no two of its products overlap.
        bits |= ((((word >> 7) & 0x0101010101010101u) * 0x0102040810204080u) >> 56)
            << (8 * index);
    }
#endif
    return bits;
}

/// Prefetches the cache line at `address`, which need not be mapped.
static inline void holdfast_prefetch(const void *_Nonnull address) { __builtin_prefetch(address); }

#if defined(__linux__)
/// `fallocate` with this mode, and `FALLOC_FL_KEEP_SIZE`; returns 0 or the `errno`.
int holdfast_fallocate(int descriptor, int mode, int64_t offset, int64_t count);

/// `rename`, which fails with `EEXIST` if the destination exists. Returns 0, or -1 with `errno`
/// set: `EINVAL` or `ENOSYS` if the file system or the kernel cannot do it in one step.
int holdfast_rename_exclusively(
    const char *_Nonnull source, const char *_Nonnull destination);

/// The descriptor of a new, empty file in memory, which `exec` closes; or -1 with `errno` set. The
/// name is only shown in `/proc`.
int holdfast_memory_file(const char *_Nonnull name);

/// The magic number of the open file's file system (`statfs(2)`), or 0 with `errno` set.
uint32_t holdfast_file_system(int descriptor);
#endif

#endif
