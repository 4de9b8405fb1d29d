#pragma once
#include <stddef.h>

#pragma clang assume_nonnull begin

/// Finds the first of `libraries` (names, ended by a null) that the system has, and in it the
/// functions `names`, whose addresses go into `functions` in this order. Returns null, or what is
/// missing.
///
/// The library's names stay its own: one that brings a `malloc` of its own does not replace this
/// program's.
const char *_Nullable peer_library_load(const char *_Nullable const *_Nonnull libraries,
                                        const char *_Nonnull const *_Nonnull names,
                                        void *_Nonnull functions, size_t count);

#pragma clang assume_nonnull end
