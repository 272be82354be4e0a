/* Rows shared out over torch's own OpenMP threads, found at run time: no second pool beside it. */
#include <dlfcn.h>
#include <stdint.h>

typedef void (*Body)(void *args, int64_t begin, int64_t end, int64_t part);

struct Share {
    Body body;
    void *args;
    int64_t rows, parts;
};

static void (*run_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int (*thread_number)(void);
static int (*thread_count)(void);

static void find_threads(void) {
    *(void **)&run_parallel = dlsym(RTLD_DEFAULT, "GOMP_parallel");
    *(void **)&thread_number = dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    *(void **)&thread_count = dlsym(RTLD_DEFAULT, "omp_get_num_threads");
}

static void do_part(const struct Share *s, int64_t part) {
    s->body(s->args, s->rows * part / s->parts, s->rows * (part + 1) / s->parts, part);
}

/* The team may be smaller than asked for. */
static void on_thread(void *shared) {
    const struct Share *s = shared;
    for (int64_t part = thread_number(); part < s->parts; part += thread_count()) do_part(s, part);
}

/* body(args, begin, end, part) for `parts` stretches of the rows. */
static void over_rows(Body body, void *args, int64_t rows, int64_t parts) {
    struct Share share = {body, args, rows, parts};
    if (parts > 1 && run_parallel && thread_number && thread_count) {
        run_parallel(on_thread, &share, (unsigned)parts, 0);
        return;
    }
    for (int64_t part = 0; part < parts; part++) do_part(&share, part);
}
