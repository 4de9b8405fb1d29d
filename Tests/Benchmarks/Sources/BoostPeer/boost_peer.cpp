#include "boost_peer.h"

#if __has_include(                                                                                 \
    <boost/interprocess/managed_mapped_file.hpp>) && __has_include(<boost/unordered_map.hpp>)

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_mapped_file.hpp>
#include <boost/unordered_map.hpp>
#include <memory>
#include <string_view>
#include <utility>

// How it is set up: `managed_mapped_file` with its own default memory algorithm
// (`rbtree_best_fit`); `boost::unordered_map` and `boost::interprocess::map`, the containers that
// its documentation uses, with its plain allocator (its node allocators were no faster); texts are
// its own strings in the file, looked up by `string_view`, so that a look-up allocates nothing. It
// has no transactions: what a killed process leaves behind may be unusable, and nothing reaches the
// disk before the kernel wishes, or the program asks.

namespace {

namespace bip = boost::interprocess;

using file = bip::managed_mapped_file;
template <class T> using allocator = bip::allocator<T, file::segment_manager>;
using text = bip::basic_string<char, std::char_traits<char>, allocator<char>>;

std::string_view view(const text &t) { return {t.data(), t.size()}; }
std::string_view view(std::string_view t) { return t; }

struct text_hash {
    template <class T> std::size_t operator()(const T &t) const {
        return boost::hash<std::string_view>()(view(t));
    }
};
struct text_equal {
    template <class A, class B> bool operator()(const A &a, const B &b) const {
        return view(a) == view(b);
    }
};
struct text_less {
    using is_transparent = void;
    template <class A, class B> bool operator()(const A &a, const B &b) const {
        return view(a) < view(b);
    }
};

template <class K> using entry_allocator = allocator<std::pair<const K, uint64_t>>;
using hash_numbers = boost::unordered_map<uint64_t, uint64_t, boost::hash<uint64_t>,
                                          std::equal_to<uint64_t>, entry_allocator<uint64_t>>;
using hash_texts =
    boost::unordered_map<text, uint64_t, text_hash, text_equal, entry_allocator<text>>;
using tree_numbers = bip::map<uint64_t, uint64_t, std::less<uint64_t>, entry_allocator<uint64_t>>;
using tree_texts = bip::map<text, uint64_t, text_less, entry_allocator<text>>;

/// Calls `body` with each key, as it is looked up.
template <class Map, class Body> void each(const boost_keys &keys, Body body) {
    for (size_t i = 0, start = 0; i < keys.count; i++) {
        if constexpr (std::is_same_v<typename Map::key_type, uint64_t>) {
            body(keys.numbers[i], i);
        } else {
            body(std::string_view(keys.text + start, keys.ends[i] - start), i);
            start = keys.ends[i];
        }
    }
}

template <class Map, class Key> auto find(Map &map, const Key &key) {
    if constexpr (std::is_same_v<Map, hash_texts>) {
        return map.find(key, text_hash(), text_equal());
    } else {
        return map.find(key);
    }
}

template <class Map> Map *make(file &f) {
    typename Map::allocator_type a(f.get_segment_manager());
    if constexpr (std::is_same_v<Map, hash_numbers> || std::is_same_v<Map, hash_texts>) {
        return f.find_or_construct<Map>("map")(0, typename Map::hasher(), typename Map::key_equal(),
                                               a);
    } else {
        return f.find_or_construct<Map>("map")(typename Map::key_compare(), a);
    }
}

} // namespace

struct boost_map {
    file f;
    explicit boost_map(file &&f) : f(std::move(f)) {}
    virtual ~boost_map() = default;
    virtual void reserve(size_t) = 0;
    virtual void insert(const boost_keys &) = 0;
    virtual void update(const boost_keys &) = 0;
    virtual void remove(const boost_keys &) = 0;
    virtual size_t count() = 0;
    virtual uint64_t get(const boost_keys &) = 0;
    virtual uint64_t miss(const boost_keys &) = 0;
    virtual uint64_t iterate() = 0;
    virtual uint64_t ranges(const boost_keys &, size_t) = 0;
};

namespace {

template <class Map> struct typed_map final : boost_map {
    Map *map;
    explicit typed_map(file &&other) : boost_map(std::move(other)), map(make<Map>(f)) {}

    void reserve(size_t entries) override {
        if constexpr (std::is_same_v<Map, hash_numbers> || std::is_same_v<Map, hash_texts>)
            map->reserve(entries);
    }

    void insert(const boost_keys &keys) override {
        each<Map>(keys, [&](auto key, size_t i) {
            if constexpr (std::is_same_v<typename Map::key_type, uint64_t>) {
                map->emplace(key, i);
            } else {
                map->emplace(text(key.data(), key.size(), allocator<char>(f.get_segment_manager())),
                             i);
            }
        });
    }

    void update(const boost_keys &keys) override {
        each<Map>(keys, [&](auto key, size_t) { find(*map, key)->second += 1; });
    }

    void remove(const boost_keys &keys) override {
        each<Map>(keys, [&](auto key, size_t) { map->erase(find(*map, key)); });
    }

    size_t count() override { return map->size(); }

    uint64_t get(const boost_keys &keys) override {
        uint64_t sum = 0;
        each<Map>(keys, [&](auto key, size_t) { sum += find(*map, key)->second; });
        return sum;
    }

    uint64_t miss(const boost_keys &keys) override {
        uint64_t misses = 0;
        each<Map>(keys, [&](auto key, size_t) { misses += find(*map, key) == map->end(); });
        return misses;
    }

    uint64_t iterate() override {
        uint64_t sum = 0;
        for (auto &entry : *map)
            sum += entry.second;
        return sum;
    }

    uint64_t ranges(const boost_keys &starts, size_t length) override {
        uint64_t sum = 0;
        if constexpr (std::is_same_v<Map, tree_numbers> || std::is_same_v<Map, tree_texts>) {
            each<Map>(starts, [&](auto start, size_t) {
                auto entry = map->lower_bound(start);
                for (size_t i = 0; i < length; i++, ++entry)
                    sum += entry->second;
            });
        }
        return sum;
    }
};

} // namespace

struct boost_blocks {
    file f;
};

bool boost_is_there(void) { return true; }

boost_map *boost_map_open(const char *path, size_t bytes, boost_kind kind) try {
    file f = bytes ? file(bip::create_only, path, bytes) : file(bip::open_only, path);
    switch (kind) {
    case boost_hash_numbers:
        return new typed_map<hash_numbers>(std::move(f));
    case boost_tree_numbers:
        return new typed_map<tree_numbers>(std::move(f));
    case boost_hash_texts:
        return new typed_map<hash_texts>(std::move(f));
    case boost_tree_texts:
        return new typed_map<tree_texts>(std::move(f));
    }
    return nullptr;
} catch (...) {
    return nullptr;
}

void boost_map_close(boost_map *map) { delete map; }
bool boost_map_flush(boost_map *map) { return map->f.flush(); }

void boost_map_reserve(boost_map *map, size_t entries) { map->reserve(entries); }

bool boost_map_insert(boost_map *map, boost_keys keys) try {
    map->insert(keys);
    return true;
} catch (...) {
    return false;
}

void boost_map_update(boost_map *map, boost_keys keys) { map->update(keys); }
void boost_map_remove(boost_map *map, boost_keys keys) { map->remove(keys); }
size_t boost_map_count(boost_map *map) { return map->count(); }
uint64_t boost_map_get(boost_map *map, boost_keys keys) { return map->get(keys); }
uint64_t boost_map_miss(boost_map *map, boost_keys keys) { return map->miss(keys); }
uint64_t boost_map_iterate(boost_map *map) { return map->iterate(); }
uint64_t boost_map_ranges(boost_map *map, boost_keys starts, size_t length) {
    return map->ranges(starts, length);
}

boost_blocks *boost_blocks_create(const char *path, size_t bytes) try {
    return new boost_blocks{file(bip::create_only, path, bytes)};
} catch (...) {
    return nullptr;
}

void boost_blocks_close(boost_blocks *blocks) { delete blocks; }
void *boost_blocks_allocate(boost_blocks *blocks, size_t bytes) {
    return blocks->f.allocate(bytes, std::nothrow);
}
void boost_blocks_free(boost_blocks *blocks, void *block) { blocks->f.deallocate(block); }

#else

bool boost_is_there(void) { return false; }
boost_map *boost_map_open(const char *, size_t, boost_kind) { return nullptr; }
void boost_map_close(boost_map *) {}
bool boost_map_flush(boost_map *) { return false; }
void boost_map_reserve(boost_map *, size_t) {}
bool boost_map_insert(boost_map *, boost_keys) { return false; }
void boost_map_update(boost_map *, boost_keys) {}
void boost_map_remove(boost_map *, boost_keys) {}
size_t boost_map_count(boost_map *) { return 0; }
uint64_t boost_map_get(boost_map *, boost_keys) { return 0; }
uint64_t boost_map_miss(boost_map *, boost_keys) { return 0; }
uint64_t boost_map_iterate(boost_map *) { return 0; }
uint64_t boost_map_ranges(boost_map *, boost_keys, size_t) { return 0; }
boost_blocks *boost_blocks_create(const char *, size_t) { return nullptr; }
void boost_blocks_close(boost_blocks *) {}
void *boost_blocks_allocate(boost_blocks *, size_t) { return nullptr; }
void boost_blocks_free(boost_blocks *, void *) {}

#endif
