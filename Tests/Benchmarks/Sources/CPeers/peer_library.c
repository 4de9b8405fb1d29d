#include "peer_library.h"

#include <dlfcn.h>

const char *peer_library_load(const char *const *libraries, const char *const *names,
                              void *functions, size_t count) {
    void *library = NULL;
    for (size_t i = 0; libraries[i] && !library; i++)
        library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return libraries[0];
    void **slots = functions;
    for (size_t i = 0; i < count; i++) {
        slots[i] = dlsym(library, names[i]);
        if (!slots[i])
            return names[i];
    }
    return NULL;
}
