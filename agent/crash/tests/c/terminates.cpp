// Ways to die that only C++ has.
#include <cstring>
#include <exception>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

extern "C" {

__attribute__((noinline)) void throws() { throw std::runtime_error("nobody catches this"); }

__attribute__((noinline)) void calls_back(void (*call)()) {
    call();
    asm volatile("");
}

// The exception is thrown through whatever `call` does.
__attribute__((noinline)) void promises(void (*call)()) noexcept {
    call();
    asm volatile("");
}

static void *runs(void *) {
    throws();
    return nullptr;
}

void throws_on_c_thread() {
    pthread_t thread;
    pthread_create(&thread, nullptr, runs, nullptr);
    pthread_join(thread, nullptr);
}

void throws_on_cpp_thread() {
    std::thread thread(throws);
    thread.join();
}

void forgets_a_thread() {
    std::thread thread([] { pause(); });
}

struct ThrowsToo {
    ~ThrowsToo() noexcept(false) { throws(); }
};

void throws_while_unwinding() {
    try {
        ThrowsToo held;
        throws();
    } catch (...) {
    }
}

struct Abstract {
    // Called by the constructor, when there is no other yet.
    Abstract() { act(); }
    virtual void work() = 0;
    __attribute__((noinline)) void act() { work(); }
};

struct Concrete : Abstract {
    void work() override {}
};

void calls_a_pure_function() { Concrete made; }

void uses_what_was_deleted() {
    alignas(Concrete) static unsigned char room[sizeof(Concrete)];
    Abstract *object = reinterpret_cast<Abstract *>(room);
    // As a careful allocator leaves it.
    std::memset(room, 0xdd, sizeof room);
    object->act();
}

static void says_farewell() {
    static const char words[] = "the host's terminate handler ran";
    if (write(2, words, sizeof words - 1) < 0)
        _exit(1);
    abort();
}

void throws_with_a_handler_of_its_own() {
    std::set_terminate(says_farewell);
    throws_on_c_thread();
}

void catches() {
    for (int turn = 0; turn < 1000; ++turn) {
        try {
            throws();
        } catch (const std::exception &) {
        }
    }
}
}
