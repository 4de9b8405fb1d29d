#include "peer_allocator.h"
#include "peer_library.h"

#include <stdlib.h>

void malloc_load(struct allocator *allocator) {
    allocator->allocate = malloc;
    allocator->release = free;
}

const char *mimalloc_load(struct allocator *allocator) {
    static const char *const libraries[] = {"libmimalloc.so.2", "libmimalloc.so.3",
                                            "libmimalloc.so", "libmimalloc.dylib", NULL};
    static const char *const names[] = {"mi_malloc", "mi_free"};
    return peer_library_load(libraries, names, allocator, 2);
}
