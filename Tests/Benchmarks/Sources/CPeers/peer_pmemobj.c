#include "peer_pmemobj.h"
#include "peer_library.h"

const char *pmemobj_load(struct pmemobj *pmemobj) {
    static const char *const libraries[] = {"libpmemobj.so.1", "libpmemobj.so", NULL};
    static const char *const names[] = {
        "pmemobj_create",   "pmemobj_open",    "pmemobj_close",     "pmemobj_root",
        "pmemobj_alloc",    "pmemobj_free",    "pmemobj_tx_begin",  "pmemobj_tx_add_range_direct",
        "pmemobj_tx_alloc", "pmemobj_tx_free", "pmemobj_tx_commit", "pmemobj_tx_end",
    };
    _Static_assert(sizeof names / sizeof *names == sizeof *pmemobj / sizeof(void *),
                   "a name for each function");
    return peer_library_load(libraries, names, pmemobj, sizeof names / sizeof *names);
}

// No locks: TX_PARAM_NONE is 0.
int pmemobj_begin(const struct pmemobj *pmemobj, PMEMobjpool *pool) {
    return pmemobj->tx_begin(pool, NULL, 0, 0);
}
