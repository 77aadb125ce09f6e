/* Functions with stack frames of every kind, each calling back. */
#include <alloca.h>
#include <assert.h>
#include <stdalign.h>
#include <string.h>

typedef void (*callback)(void);

/* A frame of unknown size with a strictly aligned variable: some compilers describe where it is by an expression that has
   to read memory. */
void through_aligned_frame(callback call, int size) {
    char *some = alloca(size);
    alignas(64) char aligned[64];
    memset(some, 1, size);
    memset(aligned, some[size - 1], sizeof aligned);
    call();
    __asm__ volatile("" : : "r"(some), "r"(aligned) : "memory");
}

void through_plain_frame(callback call, int size) {
    volatile char some[32];
    some[size % 32] = 1;
    call();
    some[0] = 2;
}

void through_assertion(callback call, int size) {
    assert(call == 0 && size == 0);
}
