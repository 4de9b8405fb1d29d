#if defined(__linux__)
#define _GNU_SOURCE
#include "CHoldfast.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

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

int holdfast_fallocate(int descriptor, int mode, int64_t offset, int64_t count) {
    return fallocate(descriptor, mode | FALLOC_FL_KEEP_SIZE, offset, count) == 0 ? 0 : errno;
}

uint32_t holdfast_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (uint32_t)status.f_type : 0;
}
#endif
