#include "peer_lmdb.h"
#include "peer_library.h"

const char *lmdb_load(struct lmdb *lmdb) {
    static const char *const libraries[] = {"liblmdb.so.0", "liblmdb.so", "liblmdb.dylib", NULL};
    static const char *const names[] = {
        "mdb_env_create",  "mdb_env_set_mapsize",
        "mdb_env_open",    "mdb_env_sync",
        "mdb_env_close",   "mdb_txn_begin",
        "mdb_txn_commit",  "mdb_txn_abort",
        "mdb_txn_reset",   "mdb_txn_renew",
        "mdb_dbi_open",    "mdb_get",
        "mdb_put",         "mdb_del",
        "mdb_cursor_open", "mdb_cursor_close",
        "mdb_cursor_get",  "mdb_cursor_put",
    };
    _Static_assert(sizeof names / sizeof *names == sizeof *lmdb / sizeof(void *),
                   "a name for each function");
    return peer_library_load(libraries, names, lmdb, sizeof names / sizeof *names);
}
