/* What hosts written in C do. */
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

typedef void (*callback)(void);

#ifdef EARLY
/* Dies while it is being loaded. */
__attribute__((constructor)) static void early(void) {
    volatile int *nowhere = (volatile int *)16;
    *nowhere = 1;
}
#endif

static sigjmp_buf way_out;

static void jump(int number) {
    (void)number;
    siglongjmp(way_out, 1);
}

/* Recovers from faults by jumping out of the signal handler. */
void prepare_jump(void) {
    struct sigaction action = {.sa_handler = jump, .sa_flags = SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
}

int is_recovered(callback call) {
    if (sigsetjmp(way_out, 1) != 0)
        return 1;
    call();
    return 0;
}
