/* Threads that wait for jobs, each with its buffers: started once, kept between calls. One job runs
 * at a time. A process that is forked has none of them and starts its own. */

enum { MOST_THREADS = 256, SPINS = 4000 };

struct Needs { /* of buffers, for a model and a context */
    int64_t width, heads, head_dim, ffn, qkv, gate_up, head, positions;
};

struct Buffers {
    struct Needs needs;
    struct Block block;
    struct Own own;
};

static struct {
    pthread_mutex_t busy; /* held while a job runs */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    atomic_llong number;  /* of the job */
    struct Job *job;
    int64_t started;      /* threads, the caller's counted */
    atomic_llong waiting_for;
    pthread_t thread[MOST_THREADS];
    struct Buffers buffers[MOST_THREADS], shared;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .started = 1};

static int same(const struct Needs *a, const struct Needs *b) {
    return a->width == b->width && a->heads == b->heads && a->head_dim == b->head_dim &&
           a->ffn == b->ffn && a->qkv == b->qkv && a->gate_up == b->gate_up && a->head == b->head &&
           a->positions >= b->positions;
}

/* Make buffers as a job needs them, unless they are; 1: no memory. */
static int fitted(struct Buffers *b, const struct Model *m, int64_t positions) {
    struct Needs needs = {m->width, m->heads, m->head_dim, m->ffn, m->layer[0].qkv.n,
                          m->layer[0].gate_up.n, m->head.n, positions};
    if (same(&b->needs, &needs)) return 0;
    int failed = 0;
    drop_block(&b->block), drop_own(&b->own);
    make_block(m, &b->block, &failed);
    make_own(m, &b->own, positions, &failed);
    b->needs = failed ? (struct Needs){0} : needs;
    return failed;
}

static void *wait_for_jobs(void *argument) {
    int64_t id = (int64_t)(intptr_t)argument;
    long long seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&pool.number) == seen; i++)
            if (i > SPINS / 2) sched_yield();
        pthread_mutex_lock(&pool.lock);
        while (atomic_load(&pool.number) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
        seen = atomic_load(&pool.number);
        struct Job *job = pool.job;
        int taking_part = job && id < job->threads; /* one that doesn't may outlive the job */
        pthread_mutex_unlock(&pool.lock);
        if (!taking_part) continue;
        work(job, id, &pool.buffers[id].block, &pool.buffers[id].own);
        if (atomic_fetch_sub(&pool.waiting_for, 1) == 1) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.lock);
        }
    }
    return 0;
}

/* 0, 1 no memory, 2 logits not finite. Fewer threads than asked for do as well. */
static int run_job(struct Job *job) {
    pthread_mutex_lock(&pool.busy);
    if (job->threads > MOST_THREADS) job->threads = MOST_THREADS;
    for (; pool.started < job->threads; pool.started++) {
        pthread_t *thread = pool.thread + pool.started;
        if (pthread_create(thread, 0, wait_for_jobs, (void *)(intptr_t)pool.started)) break;
        pthread_detach(*thread);
    }
    if (job->threads > pool.started) job->threads = pool.started;
    int failed = fitted(&pool.shared, job->model, job->positions);
    for (int64_t id = 0; id < job->threads; id++)
        failed |= fitted(pool.buffers + id, job->model, job->positions);
    if (failed) {
        pthread_mutex_unlock(&pool.busy);
        return 1;
    }
    job->shared = &pool.shared.block;
    if (job->threads > 1) {
        pthread_mutex_lock(&pool.lock);
        pool.job = job;
        atomic_store(&pool.waiting_for, job->threads - 1);
        atomic_fetch_add(&pool.number, 1);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.lock);
    }
    work(job, 0, &pool.buffers[0].block, &pool.buffers[0].own);
    if (job->threads > 1) {
        for (int i = 0; i < SPINS && atomic_load(&pool.waiting_for); i++) sched_yield();
        pthread_mutex_lock(&pool.lock);
        while (atomic_load(&pool.waiting_for)) pthread_cond_wait(&pool.done, &pool.lock);
        pool.job = 0;
        pthread_mutex_unlock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.busy);
    return atomic_load(&job->failed);
}

static void before_fork(void) { pthread_mutex_lock(&pool.busy), pthread_mutex_lock(&pool.lock); }

static void after_fork_here(void) {
    pthread_mutex_unlock(&pool.lock), pthread_mutex_unlock(&pool.busy);
}

static void after_fork_in_child(void) {
    pthread_mutex_init(&pool.busy, 0), pthread_mutex_init(&pool.lock, 0);
    pthread_cond_init(&pool.wake, 0), pthread_cond_init(&pool.done, 0);
    pool.started = 1;
    pool.job = 0;
}

static int ready_for_forks(void) {
    static int done;
    return done || (done = !pthread_atfork(before_fork, after_fork_here, after_fork_in_child));
}
