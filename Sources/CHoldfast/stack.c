#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "CHoldfast.h"

#include <pthread.h>

_Thread_local uintptr_t holdfast_stack_end = 0;
_Thread_local intptr_t holdfast_stack_segment_bytes = 0;

// Reserved for leaf functions, which do not check, and for signal handlers.
enum { slack = 16 << 10 };

uintptr_t holdfast_find_stack_end(void) {
    uintptr_t lowest = 0;
#if defined(__APPLE__)
    const pthread_t self = pthread_self();
    lowest = (uintptr_t)pthread_get_stackaddr_np(self) - pthread_get_stacksize_np(self);
#else
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *address = NULL;
        size_t size = 0;
        if (pthread_attr_getstack(&attributes, &address, &size) == 0)
            lowest = (uintptr_t)address;
        pthread_attr_destroy(&attributes);
    }
#endif
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    // If the system does not tell (a sandbox without /proc), assume a few pages.
    if (lowest == 0 || lowest > here)
        lowest = here - (48 << 10);
    holdfast_stack_end = lowest + slack;
    return holdfast_stack_end;
}

#if defined(__x86_64__) || defined(__aarch64__)

// `holdfast_switch_stack(top, body, context)`. The frame pointer leads back to the old stack, both
// for the return and for a debugger or profiler that walks the frames.
#define NAME_TEXT(prefix) #prefix "holdfast_switch_stack"
#define NAME_OF(prefix) NAME_TEXT(prefix)
#define NAME NAME_OF(__USER_LABEL_PREFIX__)

__asm__(".text\n"
        ".p2align 4\n"
        ".globl " NAME "\n"
#if defined(__ELF__)
        ".hidden " NAME "\n"
        ".type " NAME ", %function\n"
#endif
        NAME ":\n"
        ".cfi_startproc\n"
#if defined(__x86_64__)
        "endbr64\n"
        "pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "movq %rdi, %rsp\n"
        "movq %rdx, %rdi\n"
        "callq *%rsi\n"
        "movq %rbp, %rsp\n"
        "popq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "retq\n"
#else
        "hint #34\n"
        "stp x29, x30, [sp, #-16]!\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset x30, -8\n"
        ".cfi_offset x29, -16\n"
        "mov x29, sp\n"
        ".cfi_def_cfa x29, 16\n"
        "mov sp, x0\n"
        "mov x0, x2\n"
        "blr x1\n"
        "mov sp, x29\n"
        ".cfi_def_cfa sp, 16\n"
        "ldp x29, x30, [sp], #16\n"
        ".cfi_def_cfa_offset 0\n"
        ".cfi_restore x30\n"
        ".cfi_restore x29\n"
        "ret\n"
#endif
        ".cfi_endproc\n"
#if defined(__ELF__)
        ".size " NAME ", .-" NAME "\n"
#endif
);

void holdfast_switch_stack(void *top, void (*body)(void *), void *context);

#else

static void holdfast_switch_stack(void *top, void (*body)(void *), void *context) {
    (void)top;
    body(context);
}

#endif

void holdfast_call_on_stack(void *lowest, size_t count, void (*body)(void *), void *context) {
    const uintptr_t end = holdfast_stack_end;
    holdfast_stack_end = (uintptr_t)lowest + slack;
    holdfast_switch_stack((char *)lowest + (count & ~(size_t)15), body, context);
    holdfast_stack_end = end;
}
