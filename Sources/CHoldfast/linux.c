#if defined(__linux__)
#define _GNU_SOURCE
#include "CHoldfast.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 30)
#define HOLDFAST_HAS_CLOCKLOCK 1
#endif
#endif

int holdfast_lock_mutex(void *mutex, uint64_t moment) {
#if HOLDFAST_HAS_CLOCKLOCK
    const struct timespec time = {.tv_sec = (time_t)(moment / 1000000000),
                                  .tv_nsec = (long)(moment % 1000000000)};
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time);
#else
    // The C library can only wait by the wall clock, which may change: poll at growing intervals.
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 20000};
    while (1) {
        const int result = pthread_mutex_trylock(mutex);
        if (result != EBUSY)
            return result;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= moment)
            return ETIMEDOUT;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 1000000)
            pause.tv_nsec *= 2;
    }
#endif
}

int holdfast_rename_exclusively(const char *source, const char *destination) {
    // The C library may lack renameat2 and RENAME_NOREPLACE, which is 1.
    return (int)syscall(SYS_renameat2, AT_FDCWD, source, AT_FDCWD, destination, 1u);
}

int holdfast_memory_file(const char *name) {
    // MFD_CLOEXEC is 1. MFD_NOEXEC_SEAL, 8, is required by systems that allow no executable files
    // in memory, and unknown to kernels before 6.3.
    const int descriptor = (int)syscall(SYS_memfd_create, name, 1u | 8u);
    if (descriptor >= 0 || errno != EINVAL)
        return descriptor;
    return (int)syscall(SYS_memfd_create, name, 1u);
}

static uint64_t inode_of_namespace(int process, unsigned int request) {
    const int descriptor = ioctl(process, request, 0);
    if (descriptor < 0)
        return 0;
    struct stat status;
    const uint64_t inode = fstat(descriptor, &status) == 0 ? (uint32_t)status.st_ino : 0;
    close(descriptor);
    return inode;
}

uint64_t holdfast_namespaces(void) {
#if defined(SYS_pidfd_open)
    const int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (process < 0)
        return 0;
    // PIDFD_GET_PID_NAMESPACE and PIDFD_GET_TIME_NAMESPACE, which older headers do not define.
    const uint64_t numbers = inode_of_namespace(process, _IO(0xFF, 5));
    const uint64_t time = inode_of_namespace(process, _IO(0xFF, 7));
    close(process);
    return numbers == 0 ? 0 : numbers | time << 32;
#else
    return 0;
#endif
}

int holdfast_fallocate(int descriptor, int mode, int64_t offset, int64_t count) {
    return fallocate(descriptor, mode | FALLOC_FL_KEEP_SIZE, offset, count) == 0 ? 0 : errno;
}

uint32_t holdfast_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (uint32_t)status.f_type : 0;
}
#endif
