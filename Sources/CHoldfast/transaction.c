#include "CHoldfast.h"
#include <stdatomic.h>

_Thread_local void *_Nullable holdfast_innermost_transaction = NULL;
_Thread_local unsigned holdfast_number_of_thread = 0;
_Thread_local void *_Nullable holdfast_interleaver_of_thread = NULL;

unsigned holdfast_next_thread_number(void) {
    static atomic_uint newest = 0;
    // 0 means none; after four billion threads it is skipped.
    do
        holdfast_number_of_thread =
            atomic_fetch_add_explicit(&newest, 1, memory_order_relaxed) + 1;
    while (holdfast_number_of_thread == 0);
    return holdfast_number_of_thread;
}
