#pragma once
#include <stddef.h>
#include <stdint.h>

// What the benchmarks use of SQLite 3 (sqlite3.h), as a table of functions.

#pragma clang assume_nonnull begin

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

enum {
    SQLITE_IS_OK = 0,
    SQLITE_IS_ROW = 100,
    SQLITE_IS_DONE = 101,
    SQLITE_MAY_READ = 0x1,
    SQLITE_MAY_WRITE = 0x2,
    SQLITE_MAY_CREATE = 0x4,
    SQLITE_WITHOUT_MUTEX = 0x8000
};

struct sqlite {
    int (*open_v2)(const char *path, sqlite3 *_Nullable *_Nonnull database, int flags,
                   const char *_Nullable vfs);
    int (*close_v2)(sqlite3 *database);
    int (*exec)(sqlite3 *database, const char *sql, void *_Nullable callback,
                void *_Nullable argument, char *_Nullable *_Nullable error);
    int (*prepare_v2)(sqlite3 *database, const char *sql, int bytes,
                      sqlite3_stmt *_Nullable *_Nonnull statement,
                      const char *_Nullable *_Nullable tail);
    int (*finalize)(sqlite3_stmt *statement);
    int (*step)(sqlite3_stmt *statement);
    int (*reset)(sqlite3_stmt *statement);
    int (*bind_int64)(sqlite3_stmt *statement, int column, int64_t value);
    /// `free` null: the bytes stay as they are until the statement is reset.
    int (*bind_text)(sqlite3_stmt *statement, int column, const char *text, int bytes,
                     void *_Nullable free);
    int (*bind_blob)(sqlite3_stmt *statement, int column, const void *value, int bytes,
                     void *_Nullable free);
    int64_t (*column_int64)(sqlite3_stmt *statement, int column);
    const void *_Nullable (*_Nonnull column_blob)(sqlite3_stmt *statement, int column);
    int (*changes)(sqlite3 *database);
    const char *_Nonnull (*_Nonnull errmsg)(sqlite3 *database);
    int (*busy_timeout)(sqlite3 *database, int milliseconds);
};

/// Null, or what is missing.
const char *_Nullable sqlite_load(struct sqlite *sqlite);

#pragma clang assume_nonnull end
