/* A disk that takes its time: each sync takes at least SLOW_SYNC_US microseconds (2000 where nothing is said), as on a network volume that
 * behaves. Loaded before all other libraries (LD_PRELOAD). The real call is made first, and only the rest of the time is slept, so syncs
 * of several threads and processes wait side by side, each for itself. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_US 2000L

static long least_us(void)
{
    static long us = -1;
    if (us < 0) {
        const char *told = getenv("SLOW_SYNC_US");
        us = told ? strtol(told, NULL, 10) : DEFAULT_US;
    }
    return us;
}

static struct timespec begin(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now;
}

/* Sleeps until the sync has taken as long as it must, and leaves what it said as it was. */
static void end(struct timespec since)
{
    int said = errno;
    long nanos = since.tv_nsec + least_us() % 1000000L * 1000L;
    since.tv_sec += least_us() / 1000000L + nanos / 1000000000L;
    since.tv_nsec = nanos % 1000000000L;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &since, NULL) == EINTR)
        ;
    errno = said;
}

#define SLOW(name, parameters, arguments)                                     \
    int name parameters                                                       \
    {                                                                         \
        static int(*real) parameters;                                         \
        if (!real)                                                            \
            real = (int(*) parameters)dlsym(RTLD_NEXT, #name);                \
        struct timespec since = begin();                                      \
        int result = real arguments;                                          \
        end(since);                                                           \
        return result;                                                        \
    }

SLOW(fsync, (int file), (file))
SLOW(fdatasync, (int file), (file))
SLOW(msync, (void *start, size_t length, int flags), (start, length, flags))
SLOW(sync_file_range, (int file, off64_t start, off64_t length, unsigned int flags), (file, start, length, flags))
