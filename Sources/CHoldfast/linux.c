#if defined(__linux__)
#define _GNU_SOURCE
#include "CHoldfast.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>

int holdfast_fallocate(int descriptor, int mode, int64_t offset, int64_t count) {
    return fallocate(descriptor, mode | FALLOC_FL_KEEP_SIZE, offset, count) == 0 ? 0 : errno;
}

uint32_t holdfast_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (uint32_t)status.f_type : 0;
}
#endif
