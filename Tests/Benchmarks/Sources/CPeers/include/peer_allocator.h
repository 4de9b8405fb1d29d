#pragma once
#include <stddef.h>

#pragma clang assume_nonnull begin

/// An allocator of the program's own memory. All are called through this table, the C library's
/// too, so that none pays for another kind of call.
struct allocator {
    void *_Nullable (*_Nonnull allocate)(size_t size);
    void (*release)(void *_Nullable block);
};

/// The C library's.
void malloc_load(struct allocator *allocator);

/// Null, or what is missing.
const char *_Nullable mimalloc_load(struct allocator *allocator);

#pragma clang assume_nonnull end
