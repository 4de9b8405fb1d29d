#include "peer_sqlite.h"
#include "peer_library.h"

const char *sqlite_load(struct sqlite *sqlite) {
    static const char *const libraries[] = {"libsqlite3.so.0", "libsqlite3.so", "libsqlite3.dylib",
                                            NULL};
    static const char *const names[] = {
        "sqlite3_open_v2",   "sqlite3_close_v2",  "sqlite3_exec",         "sqlite3_prepare_v2",
        "sqlite3_finalize",  "sqlite3_step",      "sqlite3_reset",        "sqlite3_bind_int64",
        "sqlite3_bind_text", "sqlite3_bind_blob", "sqlite3_column_int64", "sqlite3_column_blob",
        "sqlite3_changes",   "sqlite3_errmsg",    "sqlite3_busy_timeout",
    };
    _Static_assert(sizeof names / sizeof *names == sizeof *sqlite / sizeof(void *),
                   "a name for each function");
    return peer_library_load(libraries, names, sqlite, sizeof names / sizeof *names);
}
