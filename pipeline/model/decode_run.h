/* Threads: reading prompts, and the loop that samples and decodes until rows are done.
 *
 * With many rows (or prompts) each thread takes some through all layers alone, without meeting
 * anyone; with few, all threads share each product.
 */

struct Job {
    const struct Model *model;
    const struct Lane *lanes;
    const struct Entries *entries; /* reading … */
    const struct Rows *rows;       /* … or decoding */
    int64_t threads, positions, alone_from;
    int32_t *alive; /* numbers of the rows under way */
    int64_t living;
    atomic_int ready;  /* all threads that there will be have started */
    atomic_int failed; /* 1 no memory, 2 logits not finite */
    struct Barrier barrier;
    struct Block shared;
};

struct Worker {
    struct Job *job;
    int64_t id;
    pthread_t thread;
};

/* Entries [first, last) in blocks. */
static void read_entries(struct Job *job, const struct Team *t, const struct Block *b,
                         struct Own *o, int64_t first, int64_t last) {
    const struct Entries *e = job->entries;
    int64_t width = round_up(job->model->width, PANEL);
    for (; first < last; first += BLOCK) {
        int64_t rows = last - first < BLOCK ? last - first : BLOCK;
        forward(job->model, job->lanes, t, b, o, rows, e->tokens + first, e->lanes + first,
                e->positions + first);
        for (int64_t r = t->id; r < rows; r += t->count)
            if (e->outputs[first + r] >= 0)
                hidden_of(job->model, b->x + r * width,
                          e->hidden + e->outputs[first + r] * job->model->width);
        meet(t);
    }
}

/* Where thread `id`'s entries start: at a lane's first one, shares about equal. */
static int64_t lane_start(const struct Entries *e, int64_t id, int64_t threads) {
    int64_t at = e->count * id / threads;
    while (at > 0 && at < e->count && e->lanes[at] == e->lanes[at - 1]) at++;
    return at;
}

static void record(struct Job *job, int64_t row, struct Choice c) {
    const struct Rows *r = job->rows;
    if (c.token < 0) {
        atomic_store(&job->failed, 2);
        c.token = 0;
    }
    int64_t n = r->made[row]++;
    r->tokens[row * r->max_new + n] = c.token;
    r->logprobs[row * r->max_new + n] = c.logprob;
    if (r->made[row] >= r->limits[row]) r->done[row] = 1;
    for (int64_t i = 0; i < r->stops; i++)
        if (r->stop_tokens[i] == c.token) r->done[row] = 2;
}

/* One token for each of rows alive[first … last), then their forward pass. */
static void decode(struct Job *job, const struct Team *t, const struct Block *b, struct Own *o,
                   int64_t first, int64_t last) {
    const struct Model *m = job->model;
    const struct Rows *r = job->rows;
    int64_t width = round_up(m->width, PANEL);
    for (int64_t at = first; at < last; at += HEAD_ROWS) {
        int64_t rows = last - at < HEAD_ROWS ? last - at : HEAD_ROWS;
        for (int64_t i = 0; i < rows; i++)
            prepare_row(&o->a, (int)m->format, i, m->width,
                        r->hidden + job->alive[at + i] * m->width);
        share(m, t, o, &m->head, rows, b->logits, m->head.n, 0);
        meet(t);
        for (int64_t i = t->id; i < rows; i += t->count) {
            int64_t row = job->alive[at + i];
            record(job, row, choose(r, b->logits + i * m->head.n, m->vocab, o->scratch,
                                    uniform_of(r->keys[row], r->made[row])));
        }
        meet(t);
    }
    int32_t rows[BLOCK], tokens[BLOCK], lanes[BLOCK], positions[BLOCK];
    while (first < last) {
        int64_t count = 0;
        for (; first < last && count < BLOCK; first++) {
            int64_t row = job->alive[first];
            if (r->done[row]) continue;
            int64_t n = r->made[row];
            rows[count] = (int32_t)row;
            tokens[count] = r->tokens[row * r->max_new + n - 1];
            lanes[count] = r->lanes[row];
            positions[count++] = r->starts[row] + (int32_t)n - 1;
        }
        if (!count) break;
        forward(m, job->lanes, t, b, o, count, tokens, lanes, positions);
        for (int64_t i = t->id; i < count; i += t->count)
            hidden_of(m, b->x + i * width, r->hidden + rows[i] * m->width);
        meet(t);
    }
}

/* What this step has to do, decided by one thread for all. None may look at `failed` by itself: one
 * that is late would see what another met in this very step, go, and leave the rest waiting. */
static void count_living(struct Job *job) {
    int64_t living = 0;
    for (int64_t row = 0; row < job->rows->count; row++)
        if (!job->rows->done[row]) job->alive[living++] = (int32_t)row;
    job->living = atomic_load(&job->failed) ? 0 : living;
}

static void *work(void *argument) {
    struct Worker *worker = argument;
    struct Job *job = worker->job;
    while (!atomic_load(&job->ready)) sched_yield();
    int64_t id = worker->id, threads = job->threads;
    struct Team all_of_us = {id, threads, &job->barrier}, alone = {0, 1, 0};
    struct Block mine = {0};
    struct Own own = {0};
    int failed = 0;
    make_block(job->model, &mine, job->rows != 0, &failed);
    make_own(job->model, &own, job->positions, &failed);
    if (id == 0) make_block(job->model, &job->shared, job->rows != 0, &failed);
    if (failed) atomic_store(&job->failed, 1);
    meet(&all_of_us);
    if (!atomic_load(&job->failed) && job->entries) {
        int64_t lanes = 1, count = job->entries->count;
        for (int64_t i = 1; i < count; i++)
            lanes += job->entries->lanes[i] != job->entries->lanes[i - 1];
        if (lanes >= 2 * threads)
            read_entries(job, &alone, &mine, &own, lane_start(job->entries, id, threads),
                         id + 1 == threads ? count : lane_start(job->entries, id + 1, threads));
        else
            read_entries(job, &all_of_us, &job->shared, &own, 0, count);
    }
    for (int64_t step = 0; job->rows && step < job->rows->steps; step++) {
        if (id == 0) count_living(job);
        meet(&all_of_us);
        int64_t living = job->living;
        if (!living) break;
        if (living >= job->alone_from)
            decode(job, &alone, &mine, &own, living * id / threads, living * (id + 1) / threads);
        else
            decode(job, &all_of_us, &job->shared, &own, 0, living);
        meet(&all_of_us);
    }
    meet(&all_of_us);
    drop_block(&mine), drop_own(&own);
    if (id == 0) drop_block(&job->shared);
    return 0;
}

/* 0, 1 no memory, 2 logits not finite. Fewer threads than asked for do as well. */
static int run_job(struct Job *job) {
    struct Worker *workers = calloc((size_t)job->threads, sizeof *workers);
    if (!workers) return 1;
    int64_t started = 1;
    workers[0] = (struct Worker){.job = job, .id = 0};
    for (; started < job->threads; started++) {
        workers[started] = (struct Worker){.job = job, .id = started};
        if (pthread_create(&workers[started].thread, 0, work, workers + started)) break;
    }
    job->threads = started;
    atomic_store(&job->ready, 1);
    work(workers);
    for (int64_t i = 1; i < started; i++) pthread_join(workers[i].thread, 0);
    free(workers);
    return atomic_load(&job->failed);
}
