#include "CHoldfast.h"

#if defined(__linux__)

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Not the private variants: the word is in a file mapped by several processes.
bool holdfast_wait_on_word(const uint32_t *address, uint32_t expected, int64_t nanoseconds) {
    struct timespec timeout = {.tv_sec = nanoseconds / 1000000000,
                               .tv_nsec = nanoseconds % 1000000000};
    return syscall(SYS_futex, address, FUTEX_WAIT, expected, &timeout, NULL, 0) != 0 &&
           errno == ETIMEDOUT;
}

void holdfast_wake_word(const uint32_t *address) {
    syscall(SYS_futex, address, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void holdfast_wake_one(const uint32_t *address) {
    syscall(SYS_futex, address, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#elif defined(__APPLE__)

// Untested on a Mac.
#include <errno.h>
#include <time.h>
#if __has_include(<os/os_sync_wait_on_address.h>)
#include <os/os_sync_wait_on_address.h>
#define HOLDFAST_HAS_WAIT 1
#endif

bool holdfast_wait_on_word(const uint32_t *address, uint32_t expected, int64_t nanoseconds) {
#if HOLDFAST_HAS_WAIT
    if (__builtin_available(macOS 14.4, iOS 17.4, *)) {
        return os_sync_wait_on_address_with_timeout(
                   (void *)address, expected, sizeof(uint32_t), OS_SYNC_WAIT_ON_ADDRESS_SHARED,
                   OS_CLOCK_MACH_ABSOLUTE_TIME, (uint64_t)nanoseconds) < 0 &&
               errno == ETIMEDOUT;
    }
#endif
    if (__atomic_load_n(address, __ATOMIC_ACQUIRE) != expected)
        return false;
    struct timespec pause = {.tv_sec = 0,
                             .tv_nsec = nanoseconds < 1000000 ? (long)nanoseconds : 1000000};
    nanosleep(&pause, NULL);
    return nanoseconds <= 1000000;
}

void holdfast_wake_word(const uint32_t *address) {
#if HOLDFAST_HAS_WAIT
    if (__builtin_available(macOS 14.4, iOS 17.4, *)) {
        os_sync_wake_by_address_all((void *)address, sizeof(uint32_t),
                                    OS_SYNC_WAKE_BY_ADDRESS_SHARED);
    }
#endif
}

void holdfast_wake_one(const uint32_t *address) {
#if HOLDFAST_HAS_WAIT
    if (__builtin_available(macOS 14.4, iOS 17.4, *)) {
        os_sync_wake_by_address_any((void *)address, sizeof(uint32_t),
                                    OS_SYNC_WAKE_BY_ADDRESS_SHARED);
    }
#endif
}

#else
#error "Holdfast runs on Linux and Darwin"
#endif
