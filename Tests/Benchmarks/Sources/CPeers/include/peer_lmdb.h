#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What the benchmarks use of LMDB 0.9 (lmdb.h), as a table of functions.

#pragma clang assume_nonnull begin

typedef struct MDB_env MDB_env;
typedef struct MDB_txn MDB_txn;
typedef struct MDB_cursor MDB_cursor;
typedef unsigned int MDB_dbi;
typedef struct {
    size_t mv_size;
    void *_Nullable mv_data;
} MDB_val;

enum {
    LMDB_NOSUBDIR = 0x4000,
    LMDB_NOSYNC = 0x10000,
    LMDB_RDONLY = 0x20000,
    LMDB_WRITEMAP = 0x80000,
    LMDB_NOTLS = 0x200000,
    LMDB_NORDAHEAD = 0x800000,
    LMDB_NOMEMINIT = 0x1000000,
    LMDB_INTEGERKEY = 0x08,
    LMDB_CREATE = 0x40000,
    LMDB_CURRENT = 0x40,
    LMDB_APPEND = 0x20000,
    LMDB_NOTFOUND = -30798,
    LMDB_FIRST = 0,
    LMDB_NEXT = 8,
    LMDB_SET = 15,
    LMDB_SET_KEY = 16,
    LMDB_SET_RANGE = 17
};

struct lmdb {
    int (*env_create)(MDB_env *_Nullable *_Nonnull env);
    int (*env_set_mapsize)(MDB_env *env, size_t size);
    int (*env_open)(MDB_env *env, const char *path, unsigned int flags, mode_t mode);
    int (*env_sync)(MDB_env *env, int force);
    void (*env_close)(MDB_env *env);
    int (*txn_begin)(MDB_env *env, MDB_txn *_Nullable parent, unsigned int flags,
                     MDB_txn *_Nullable *_Nonnull txn);
    int (*txn_commit)(MDB_txn *txn);
    void (*txn_abort)(MDB_txn *txn);
    void (*txn_reset)(MDB_txn *txn);
    int (*txn_renew)(MDB_txn *txn);
    int (*dbi_open)(MDB_txn *txn, const char *_Nullable name, unsigned int flags, MDB_dbi *dbi);
    int (*get)(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
    int (*put)(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned int flags);
    int (*del)(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *_Nullable data);
    int (*cursor_open)(MDB_txn *txn, MDB_dbi dbi, MDB_cursor *_Nullable *_Nonnull cursor);
    void (*cursor_close)(MDB_cursor *cursor);
    int (*cursor_get)(MDB_cursor *cursor, MDB_val *key, MDB_val *data, int op);
    int (*cursor_put)(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned int flags);
};

/// Null, or what is missing.
const char *_Nullable lmdb_load(struct lmdb *lmdb);

#pragma clang assume_nonnull end
