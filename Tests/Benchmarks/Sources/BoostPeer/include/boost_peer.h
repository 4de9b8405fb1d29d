#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Boost.Interprocess behind functions that C knows. The loops are in C++, so that no call between
// languages is counted against it.

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

/// Whether the headers were there when this was compiled.
bool boost_is_there(void);

// Maps in a managed_mapped_file. Texts are given as bytes one after the other, and where each ends.

typedef struct boost_map boost_map;

enum boost_kind { boost_hash_numbers, boost_tree_numbers, boost_hash_texts, boost_tree_texts };

/// Null where something fails, such as a file that is too small. `bytes` is the file's size, 0 for
/// one that is there already.
boost_map *_Nullable boost_map_open(const char *path, size_t bytes, enum boost_kind kind);
void boost_map_close(boost_map *map);
/// Asks the system to write the file to the disk, and does not wait for it.
bool boost_map_flush(boost_map *map);

struct boost_keys {
    const uint64_t *_Nullable numbers;
    const char *_Nullable text;
    const uint32_t *_Nullable ends;
    size_t count;
};

/// Of hashed ones: a table that large from the start.
void boost_map_reserve(boost_map *map, size_t entries);
bool boost_map_insert(boost_map *map, struct boost_keys keys);
void boost_map_update(boost_map *map, struct boost_keys keys);
void boost_map_remove(boost_map *map, struct boost_keys keys);
size_t boost_map_count(boost_map *map);
uint64_t boost_map_get(boost_map *map, struct boost_keys keys);
uint64_t boost_map_miss(boost_map *map, struct boost_keys keys);
uint64_t boost_map_iterate(boost_map *map);
/// Of trees.
uint64_t boost_map_ranges(boost_map *map, struct boost_keys starts, size_t length);

// Blocks in a managed_mapped_file.

typedef struct boost_blocks boost_blocks;

boost_blocks *_Nullable boost_blocks_create(const char *path, size_t bytes);
void boost_blocks_close(boost_blocks *blocks);
void *_Nullable boost_blocks_allocate(boost_blocks *blocks, size_t bytes);
void boost_blocks_free(boost_blocks *blocks, void *block);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
