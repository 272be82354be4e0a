/* Steps of a batch: rows under way get a token each, and tokens that wait are read beside them.
 *
 * With many rows each thread takes some through all layers alone, without meeting anyone; with few,
 * all threads share each product. Many rows that have nothing to read beside them don't even keep
 * step: see `go_apart`. Who shares what changes no bit.
 */

enum { FEWEST_ROWS = 8 }; /* that a thread takes: of fewer, products cost as much. native.ROWS_ALONE */

struct Job {
    const struct Model *model;
    const struct Batch *batch;
    int64_t threads, positions, alone_from;
    int32_t *alive; /* numbers of the rows under way */
    int64_t living, unread; /* of this step: rows under way, entries to read */
    int alone, apart;
    pthread_mutex_t lock; /* of the next two, while threads go apart */
    int32_t *left; /* steps that each of `alive` has to go; negative while a thread has it */
    int64_t unfinished;
    atomic_int failed; /* 1 no memory, 2 logits not finite */
    struct Barrier barrier;
    struct Block *shared;
};

/* Where thread `id`'s entries start: at a row's first one. */
static int64_t row_start(const struct Batch *b, int64_t at) {
    while (at > 0 && at < b->entries && b->of[at] == b->of[at - 1]) at++;
    return at;
}

static void record(struct Job *job, struct Row *r, struct Choice c, struct Untruncated *u) {
    if (c.token < 0) {
        atomic_store(&job->failed, 2);
        c.token = 0;
    }
    r->tokens[r->made] = c.token;
    r->logprobs[r->made] = c.logprob;
    if (r->untruncated) r->untruncated[r->made] = (float)(u->logits[c.token] - u->total);
    if (r->top) tell_most_likely(r, u, job->model->vocab);
    if (++r->made >= r->limit) r->state = AT_LIMIT;
    for (int64_t i = 0; i < r->stops; i++)
        if (r->stop_tokens[i] == c.token) r->state = STOPPED;
}

/* One token for each of rows alive[first … last). */
static void sample(struct Job *job, const struct Team *t, const struct Block *b, struct Own *o,
                   const int32_t *alive, int64_t first, int64_t last) {
    const struct Model *m = job->model;
    const float *hidden = job->batch->hidden;
    for (int64_t at = first; at < last; at += HEAD_ROWS) {
        int64_t rows = last - at < HEAD_ROWS ? last - at : HEAD_ROWS;
        for (int64_t i = 0; i < rows; i++)
            prepare_row(&o->a, (int)m->format, i, m->width,
                        hidden + alive[at + i] * m->width);
        share(m, t, o, &m->head, rows, b->logits, m->head.n, 0);
        meet(t);
        for (int64_t i = t->id; i < rows; i += t->count) {
            struct Row *r = job->batch->row + alive[at + i];
            float *logits = b->logits + i * m->head.n;
            struct Untruncated u = {o->untruncated, 0};
            if (r->untruncated || r->top) keep_untruncated(&u, logits, m->vocab);
            if (r->bias)
                for (int64_t j = 0; j < m->vocab; j++) logits[j] += r->bias[j];
            record(job, r, choose(r, logits, m->vocab, o->scratch, uniform_of(r->key, r->made)), &u);
        }
        meet(t);
    }
}

struct Items { /* what a forward pass reads */
    int64_t count;
    int32_t tokens[BLOCK], positions[BLOCK], outputs[BLOCK], rows[BLOCK]; /* rows: -1 an entry's */
    const int64_t *tables[BLOCK];
};

static void read_items(struct Job *job, const struct Team *t, const struct Block *b, struct Own *o,
                       const struct Items *items) {
    const struct Model *m = job->model;
    int64_t width = round_up(m->width, PANEL);
    forward(m, t, b, o, items->count, items->tokens, items->tables, items->positions);
    for (int64_t i = t->id; i < items->count; i += t->count) {
        if (items->outputs[i] >= 0)
            hidden_of(m, b->x + i * width, job->batch->hidden + items->outputs[i] * m->width);
        if (items->rows[i] >= 0) job->batch->row[items->rows[i]].position++;
    }
    meet(t);
}

/* The last tokens of rows alive[first … last), then entries [from, to). */
static void read_tokens_of(struct Job *job, const struct Team *t, const struct Block *b,
                           struct Own *o, const int32_t *alive, int64_t first, int64_t last,
                           int64_t from, int64_t to) {
    const struct Batch *batch = job->batch;
    struct Items items;
    while (first < last || from < to) {
        int64_t n = 0;
        for (; first < last && n < BLOCK; first++) {
            int32_t number = alive[first];
            const struct Row *r = batch->row + number;
            if (r->state != UNDER_WAY) continue;
            items.tokens[n] = r->tokens[r->made - 1];
            items.positions[n] = (int32_t)r->position;
            items.outputs[n] = items.rows[n] = number;
            items.tables[n++] = batch->tables + number * batch->stride;
        }
        for (; first == last && from < to && n < BLOCK; from++) {
            items.tokens[n] = batch->tokens[from];
            items.positions[n] = batch->positions[from];
            items.outputs[n] = batch->outputs[from];
            items.rows[n] = -1;
            items.tables[n++] = batch->tables + batch->of[from] * batch->stride;
        }
        items.count = n;
        if (n) read_items(job, t, b, o, &items);
    }
}

/* What this step has to do, decided by one thread for all. None may look at `failed` by itself: one
 * that is late would see what another met in this very step, go, and leave the rest waiting. */
static void plan(struct Job *job, int64_t step) {
    const struct Batch *b = job->batch;
    int64_t living = 0, runs = 0, longest = 0, run = 0;
    for (int64_t i = 0; b->row && i < b->rows; i++) {
        if (step && b->row[i].state == READING) b->row[i].state = UNDER_WAY;
        if (b->row[i].state == UNDER_WAY) job->alive[living++] = (int32_t)i;
    }
    job->unread = step ? 0 : b->entries;
    for (int64_t i = 0; i < job->unread; i++) {
        int starts = i == 0 || b->of[i] != b->of[i - 1];
        runs += starts;
        run = starts ? 1 : run + 1;
        longest = run > longest ? run : longest;
    }
    job->living = living;
    if (atomic_load(&job->failed)) job->living = job->unread = 0;
    job->alone = (living >= job->alone_from && living > 0) || runs >= 2 * job->threads;
    if (longest * job->threads > 2 * (living + job->unread)) job->alone = 0; /* one would be alone */
    job->apart = job->alone && !job->unread && living;
    for (int64_t i = 0; job->apart && i < living; i++) job->left[i] = (int32_t)(b->steps - step);
    job->unfinished = living;
}

/* A thread's share of the rows that nobody has and that are furthest behind: their numbers, and
 * their places among `alive`. 0: others have them all; -1: there is nothing left to do. */
static int64_t take_rows(struct Job *job, int32_t *rows, int32_t *places) {
    int64_t taken = 0;
    int32_t most = 0; /* steps to go */
    pthread_mutex_lock(&job->lock);
    int64_t unfinished = job->unfinished, share = (unfinished + job->threads - 1) / job->threads;
    if (share < FEWEST_ROWS) share = FEWEST_ROWS;
    if (share > BLOCK) share = BLOCK;
    for (int64_t i = 0; i < job->living; i++)
        if (job->left[i] > most) most = job->left[i];
    for (int64_t i = 0; most && i < job->living && taken < share; i++) {
        if (job->left[i] != most) continue;
        job->left[i] = -most;
        places[taken] = (int32_t)i;
        rows[taken++] = job->alive[i];
    }
    pthread_mutex_unlock(&job->lock);
    return unfinished ? taken : -1;
}

/* They have gone a step. */
static void put_back(struct Job *job, const int32_t *places, int64_t taken) {
    pthread_mutex_lock(&job->lock);
    for (int64_t i = 0; i < taken; i++) {
        int32_t *left = job->left + places[i];
        int ended = job->batch->row[job->alive[places[i]]].state != UNDER_WAY;
        *left = ended ? 0 : -*left - 1;
        job->unfinished -= !*left;
    }
    pthread_mutex_unlock(&job->lock);
}

/* A thread takes some rows, gives each a token, puts them back and takes others, until all have had
 * all of theirs: none waits for one whose core another program or thread has, as a server's event
 * loop does all the time. */
static void go_apart(struct Job *job, const struct Block *mine, struct Own *own) {
    struct Team alone = {0, 1, 0};
    int32_t rows[BLOCK], places[BLOCK];
    while (!atomic_load(&job->failed)) {
        int64_t taken = take_rows(job, rows, places);
        if (taken < 0) return;
        if (!taken) {
            sched_yield();
            continue;
        }
        sample(job, &alone, mine, own, rows, 0, taken);
        read_tokens_of(job, &alone, mine, own, rows, 0, taken, 0, 0);
        put_back(job, places, taken);
    }
}

static void work(struct Job *job, int64_t id, const struct Block *mine, struct Own *own) {
    int64_t threads = job->threads;
    struct Team all_of_us = {id, threads, &job->barrier}, alone = {0, 1, 0};
    for (int64_t step = 0; step < job->batch->steps; step++) {
        if (id == 0) plan(job, step);
        meet(&all_of_us);
        int64_t living = job->living, all = living + job->unread;
        if (!all) break;
        if (job->apart) {
            go_apart(job, mine, own);
            break;
        }
        if (job->alone) {
            int64_t first = all * id / threads, last = all * (id + 1) / threads;
            int64_t from = first < living ? 0 : row_start(job->batch, first - living);
            int64_t to = last < living ? 0 : row_start(job->batch, last - living);
            first = first < living ? first : living, last = last < living ? last : living;
            sample(job, &alone, mine, own, job->alive, first, last);
            read_tokens_of(job, &alone, mine, own, job->alive, first, last, from, to);
        } else {
            sample(job, &all_of_us, job->shared, own, job->alive, 0, living);
            read_tokens_of(job, &all_of_us, job->shared, own, job->alive, 0, living, 0,
                           job->unread);
        }
        meet(&all_of_us);
    }
    meet(&all_of_us);
}
