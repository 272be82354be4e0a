/* What the words of a text add up to: rows of a table, for _language.c.
 *
 * A word's rows are its own, if it is a known word, and those of its character n-grams. Rows were
 * decoded when the model was read, and lie in the order of their buckets, so that a row's place is
 * the number of known buckets before its own. Sums of words seen before are kept. Sums are made
 * word by word whether kept or not, so that a score depends on the text alone; they differ from
 * fastText's in the last bits of a float.
 */
#ifndef LANGUAGE_WORDS_H
#define LANGUAGE_WORDS_H

#define MAX_DIM 64
#define USUAL_DIM 16           /* lid.176's: sums of it stay in registers, and are kept */
#define USUAL_BUCKETS 2000000u /* fastText's default, and lid.176's */
#define KEPT_BITS 16
#define KEPT_BYTES 24 /* longer words are summed each time */
#define LINE 64       /* bytes of a cache line: a usual row is one */
#define SOME 64       /* n-grams, or words, that are looked at together */

typedef struct {
    uint64_t word[KEPT_BYTES / 8]; /* zeros behind its end: no word holds one */
    float sum[USUAL_DIM];
    uint32_t rows, unused;
} Kept;

typedef struct {
    uint32_t hash;
    int32_t number; /* -1 for an empty place */
} Word;

typedef struct {
    PyObject_HEAD
    float *rows;      /* words, then n-grams; dim floats each */
    float *output;    /* inner nodes, dim floats each */
    int32_t *tree;    /* left and right child of each node; -1 for a leaf */
    int32_t *parent;  /* of each node: 2 * parent + which child it is; -1 for the root */
    uint64_t *known;  /* a bit a bucket: whether it has a row */
    uint32_t *before; /* known buckets before each 64 of them */
    char *letters;    /* the words, one after another */
    uint32_t *ends;   /* of each word in letters */
    Word *words;      /* by hash */
    Kept *kept;
    char *marked; /* scratch: a word between "<" and ">" */
    size_t marked_room;
    void *block, *kept_block; /* where rows and kept lie, aligned */
    Py_ssize_t n_rows, n_words, n_labels;
    uint32_t word_mask, bucket;
    int dim, minn, maxn;
} Model;

static inline uint32_t fnv(uint32_t hash, char byte) {
    return (hash ^ (uint32_t)(int8_t)byte) * 16777619u; /* sign-extended, as fastText has it */
}

#define FNV_START 2166136261u

static uint32_t fnv_of(const char *text, size_t length) {
    uint32_t hash = FNV_START;
    for (size_t i = 0; i < length; i++) hash = fnv(hash, text[i]);
    return hash;
}

static inline uint32_t scattered(uint32_t id) { return (id * 2654435761u) >> 7; }

static int32_t word_of(const Model *self, const char *word, size_t length) {
    uint32_t hash = fnv_of(word, length);
    for (uint32_t at = scattered(hash);; at++) {
        Word known = self->words[at & self->word_mask];
        if (known.number < 0) return -1;
        if (known.hash != hash) continue;
        uint32_t from = known.number ? self->ends[known.number - 1] : 0;
        if (self->ends[known.number] - from == length &&
            !memcmp(self->letters + from, word, length))
            return known.number;
    }
}

static inline int bits_of(uint64_t mask) {
#if defined(__POPCNT__) || defined(__aarch64__)
    return __builtin_popcountll(mask);
#else
    mask -= mask >> 1 & 0x5555555555555555ULL;
    mask = (mask & 0x3333333333333333ULL) + (mask >> 2 & 0x3333333333333333ULL);
    return (int)(((mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56);
#endif
}

static inline void prefetch(const void *at) {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#else
    (void)at;
#endif
}

/* The row of a known bucket. */
static inline const float *row_of(const Model *self, uint32_t id) {
    uint64_t lower = self->known[id >> 6] & ((UINT64_C(1) << (id & 63)) - 1);
    size_t row = (size_t)self->n_words + self->before[id >> 6] + (size_t)bits_of(lower);
    return self->rows + row * (size_t)self->dim;
}

/* Sums in order. The usual dimension is a constant, so that its sums are vectors in registers. */
static inline void add_rows(float *sum, const float *const *rows, size_t count, int dim) {
    if (dim == USUAL_DIM) {
        float total[USUAL_DIM];
        memcpy(total, sum, sizeof total);
        for (size_t i = 0; i < count; i++)
            for (int d = 0; d < USUAL_DIM; d++) total[d] += rows[i][d];
        memcpy(sum, total, sizeof total);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < dim; d++) sum[d] += rows[i][d];
}

/* Adds the rows of `count` n-grams, of those that have one; how many they were. All places are known
 * before the first row is read, so that rows come from memory side by side. */
static uint32_t add_known(const Model *self, const uint32_t *hashes, size_t count, float *sum) {
    uint32_t ids[SOME];
    const float *rows[SOME];
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        /* a division by a constant is several times as fast as by a variable */
        uint32_t id = self->bucket == USUAL_BUCKETS ? hashes[i] % USUAL_BUCKETS
                                                    : hashes[i] % self->bucket;
        ids[known] = id;
        known += self->known[id >> 6] >> (id & 63) & 1;
    }
    for (size_t i = 0; i < known; i++) {
        rows[i] = row_of(self, ids[i]);
        prefetch(rows[i]);
    }
    add_rows(sum, rows, known, self->dim);
    return (uint32_t)known;
}

static inline int goes_on(char c) { return (c & 0xC0) == 0x80; } /* a character of several bytes */

/* The rows of a word's n-grams, "<" and ">" around it, added to sum; how many they were. Of two
 * letters at least: fastText leaves out a "<" by itself, and with minn > 1 there is none. */
static uint32_t add_ngrams(const Model *self, const char *word, size_t length, float *sum) {
    uint32_t rows = 0, hashes[SOME];
    size_t count = 0;
    char *at = self->marked, *end = at + length + 2;
    *at = '<';
    memcpy(at + 1, word, length);
    memcpy(at + 1 + length, ">", 2); /* and a byte that ends the last character */
    for (; at < end; at++) {
        if (goes_on(*at)) continue;
        uint32_t hash = FNV_START;
        const char *next = at;
        for (int n = 1; next < end && n <= self->maxn; n++) {
            do hash = fnv(hash, *next++);
            while (goes_on(*next));
            if (n < self->minn) continue;
            hashes[count++] = hash;
            if (count == SOME) {
                rows += add_known(self, hashes, count, sum);
                count = 0;
            }
        }
    }
    return rows + add_known(self, hashes, count, sum);
}

static uint32_t sum_word(const Model *self, const char *word, size_t length, float *sum) {
    int is_end = length == 4 && !memcmp(word, "</s>", 4);
    int32_t number = word_of(self, word, length);
    uint32_t rows = 0;
    memset(sum, 0, sizeof(float) * (size_t)self->dim);
    if (number >= 0) {
        const float *row = self->rows + (size_t)number * (size_t)self->dim;
        add_rows(sum, &row, 1, self->dim);
        rows = 1;
    }
    return is_end ? rows : rows + add_ngrams(self, word, length, sum);
}

/* ---- words of a text ---- */

typedef struct {
    const char *text;
    size_t length;
    Kept *kept;       /* NULL for a long word */
    uint64_t word[3];
} Found;

/* Ones for as many bytes as the word has, from LETTERS + KEPT_BYTES - length on. */
static const uint8_t LETTERS[2 * KEPT_BYTES] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

static void find_kept(const Model *self, Found *found, const char *end) {
    uint64_t mask[3];
    found->kept = NULL;
    if (found->length > KEPT_BYTES || self->dim != USUAL_DIM) return;
    if (end - found->text >= KEPT_BYTES) {
        memcpy(found->word, found->text, KEPT_BYTES);
        memcpy(mask, LETTERS + KEPT_BYTES - found->length, KEPT_BYTES);
        for (int i = 0; i < 3; i++) found->word[i] &= mask[i];
    } else {
        memset(found->word, 0, KEPT_BYTES);
        memcpy(found->word, found->text, found->length);
    }
    uint64_t hash = found->word[0] * 0x9e3779b97f4a7c15ULL ^ found->word[1] * 0xd6e8feb86659fd93ULL ^
                    found->word[2] * 0xd1342543de82ef95ULL;
    hash = (hash ^ hash >> 32) * 0x94d049bb133111ebULL;
    found->kept = &self->kept[hash >> (64 - KEPT_BITS)];
    prefetch(found->kept);
    prefetch((const char *)found->kept + sizeof(Kept) - 1);
}

static uint64_t add_words(const Model *self, const Found *found, size_t count, float *total) {
    uint64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        Kept *kept = found[i].kept;
        if (!kept) {
            float sum[MAX_DIM];
            const float *row = sum;
            rows += sum_word(self, found[i].text, found[i].length, sum);
            add_rows(total, &row, 1, self->dim);
            continue;
        }
        if (memcmp(kept->word, found[i].word, KEPT_BYTES)) {
            kept->rows = sum_word(self, found[i].text, found[i].length, kept->sum);
            memcpy(kept->word, found[i].word, KEPT_BYTES);
        }
        const float *row = kept->sum;
        add_rows(total, &row, 1, USUAL_DIM);
        rows += kept->rows;
    }
    return rows;
}

static inline int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

/* Adds all words of a text and its end; how many rows they were. */
static uint64_t add_text(const Model *self, const char *text, size_t size, float *total) {
    static const char END[] = "</s>";
    const char *at = text, *end = text + size;
    uint64_t rows = 0;
    size_t count = 0;
    Found found[SOME];
    int ended = 0;
    while (!ended) {
        while (at < end && is_space(*at)) at++;
        const char *start = at, *behind = end;
        while (at < end && !is_space(*at)) at++;
        if (start == at) start = END, behind = END + 4;
        found[count].text = start;
        found[count].length = start == END ? 4 : (size_t)(at - start);
        ended = found[count].length == 4 && !memcmp(start, END, 4);
        find_kept(self, &found[count++], behind);
        if (count == SOME || ended) {
            rows += add_words(self, found, count, total);
            count = 0;
        }
    }
    return rows;
}

#endif
