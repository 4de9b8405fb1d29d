#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What the benchmarks use of PMDK's libpmemobj 1 (libpmemobj.h), as a table of functions.

#pragma clang assume_nonnull begin

typedef struct pmemobjpool PMEMobjpool;
typedef struct {
    uint64_t pool_uuid_lo;
    uint64_t off;
} PMEMoid;

struct pmemobj {
    PMEMobjpool *_Nullable (*_Nonnull create)(const char *path, const char *layout, size_t size,
                                              mode_t mode);
    PMEMobjpool *_Nullable (*_Nonnull open)(const char *path, const char *layout);
    void (*close)(PMEMobjpool *pool);
    PMEMoid (*root)(PMEMobjpool *pool, size_t size);
    int (*alloc)(PMEMobjpool *pool, PMEMoid *_Nullable oid, size_t size, uint64_t type,
                 void *_Nullable constructor, void *_Nullable argument);
    void (*free)(PMEMoid *oid);
    int (*tx_begin)(PMEMobjpool *pool, void *_Nullable jump, ...);
    int (*tx_add_range_direct)(const void *pointer, size_t size);
    PMEMoid (*tx_alloc)(size_t size, uint64_t type);
    int (*tx_free)(PMEMoid oid);
    void (*tx_commit)(void);
    int (*tx_end)(void);
};

/// Null, or what is missing.
const char *_Nullable pmemobj_load(struct pmemobj *pmemobj);

/// `tx_begin` without locks, which Swift cannot call because it is variadic.
int pmemobj_begin(const struct pmemobj *pmemobj, PMEMobjpool *pool);

#pragma clang assume_nonnull end
