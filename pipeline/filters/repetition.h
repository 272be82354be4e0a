/* What a page says again: equal parts (lines, paragraphs) and word n-grams, as datatrove counts them.
   Most parts and n-grams of a page occur once. So each is first dropped into one of many small
   buckets by its hash: only those that share a bucket can be equal to another, and only they are
   looked at closely, in full and in their order. Hashes decide nothing but who is compared.
   Included by _signals.c alone, after words.h. */

#ifndef FILTERS_REPETITION_H
#define FILTERS_REPETITION_H

#include "words.h"

/* Scratch for places (of n-grams or parts) on one page. */
typedef struct {
    uint64_t *hash;   /* of the place's n-gram */
    uint8_t *bucket;  /* how many places fell in: 0, 1, 2 = more */
    uint32_t *slots;  /* place + 1, by hash, of the places that share a bucket */
    uint32_t *first;  /* first place of an equal n-gram */
    uint32_t *times;  /* how often, at that first place */
    size_t buckets, slot_mask;
} Places;

static size_t power_of_two(size_t least)
{
    size_t power = 64;
    while (power < least) power *= 2;
    return power;
}

static void places_free(Places *p)
{
    PyMem_RawFree(p->hash);
    PyMem_RawFree(p->bucket);
    PyMem_RawFree(p->slots);
    PyMem_RawFree(p->first);
    PyMem_RawFree(p->times);
}

static int places_init(Places *p, size_t count)
{
    p->buckets = power_of_two(count * 8);
    p->hash = PyMem_RawMalloc((count + 1) * sizeof *p->hash);
    p->bucket = PyMem_RawMalloc(p->buckets);
    p->slots = PyMem_RawMalloc(power_of_two(count * 2) * sizeof *p->slots);
    p->first = PyMem_RawMalloc((count + 1) * sizeof *p->first);
    p->times = PyMem_RawMalloc((count + 1) * sizeof *p->times);
    if (p->hash && p->bucket && p->slots && p->first && p->times) return 0;
    places_free(p);
    PyErr_NoMemory();
    return -1;
}

static inline uint8_t *bucket_of(Places *p, uint64_t hash)
{
    return &p->bucket[mixed(hash) & (p->buckets - 1)];
}

static void fill_buckets(Places *p, size_t count)
{
    static const uint8_t JOINED[] = {0, 2, 1}; /* how many places share it now that did not before */
    size_t shared = 0;
    memset(p->bucket, 0, p->buckets);
    for (size_t place = 0; place < count; place++) {
        uint8_t *bucket = bucket_of(p, p->hash[place]);
        shared += JOINED[*bucket];
        *bucket = *bucket ? 2 : 1;
    }
    p->slot_mask = power_of_two(shared * 2) - 1;
    memset(p->slots, 0, (p->slot_mask + 1) * sizeof *p->slots);
}

/* Characters, with a space between words, of the most frequent n-gram times its occurrences, for
   n = 2, 3, 4. Of equally frequent ones the first counts. An n-gram is its first (n - 1)-gram's
   number and a word: 64 bits, so the key is no hash here but the thing itself. */
static void count_top_ngrams(Places *p, const Words *w, uint64_t characters[3])
{
    for (size_t place = 0; place < w->count; place++) p->first[place] = w->ids[place];
    for (size_t n = 2; n <= 4; n++) {
        characters[n - 2] = 0;
        if (w->count < n) continue;
        size_t count = w->count - n + 1, best = 0;
        uint32_t best_times = 1;
        for (size_t place = 0; place < count; place++)
            p->hash[place] = (uint64_t)p->first[place] << 32 | w->ids[place + n - 1];
        fill_buckets(p, count);
        for (size_t place = 0; place < count; place++) {
            uint64_t key = p->hash[place];
            p->first[place] = (uint32_t)place;
            if (*bucket_of(p, key) < 2) continue;
            size_t slot = mixed(key) >> 20 & p->slot_mask;
            while (p->slots[slot] && p->hash[p->slots[slot] - 1] != key)
                slot = (slot + 1) & p->slot_mask;
            if (!p->slots[slot]) {
                p->slots[slot] = (uint32_t)place + 1;
                p->times[place] = 0;
            }
            uint32_t first = p->slots[slot] - 1;
            p->first[place] = first;
            uint32_t times = ++p->times[first];
            if (times > best_times || (times == best_times && first < best)) {
                best = first;
                best_times = times;
            }
        }
        uint64_t size = n - 1;
        for (size_t i = 0; i < n; i++) size += w->distinct[w->ids[best + i]].length;
        characters[n - 2] = size * best_times;
    }
}

/* Whether two n-grams hold the same characters, wherever their words begin. */
static int same_characters(const Words *w, size_t one, size_t other, size_t n)
{
    if (!memcmp(w->ids + one, w->ids + other, n * sizeof *w->ids)) return 1;
    size_t one_end = one + n, other_end = other + n, i = 0, j = 0;
    for (;;) {
        while (one < one_end && i == w->distinct[w->ids[one]].length) one++, i = 0;
        while (other < other_end && j == w->distinct[w->ids[other]].length) other++, j = 0;
        if (one == one_end || other == other_end) return one == one_end && other == other_end;
        if (w->distinct[w->ids[one]].chars[i++] != w->distinct[w->ids[other]].chars[j++]) return 0;
    }
}

/* For n = 5..10, characters in n-grams that were seen before; each n words long, or n times so many
   signs. As datatrove scans: it jumps over a repeated n-gram, adds what it jumped over to nothing, and
   compares words run together. */
static void count_duplicate_ngrams(
    Places *p, const Words *w, size_t signs_per_word, uint64_t characters[6])
{
    for (size_t place = 0; place < w->count; place++) p->hash[place] = 0;
    for (size_t n = 1; n <= 10 * signs_per_word; n++) {
        size_t count = w->count < n ? 0 : w->count - n + 1;
        for (size_t place = 0; place < count; place++) {
            const Distinct *last = &w->distinct[w->ids[place + n - 1]];
            p->hash[place] = p->hash[place] * last->power + last->hash;
        }
        if (n < 5 * signs_per_word || n % signs_per_word) continue;
        uint64_t *again = characters + n / signs_per_word - 5;
        fill_buckets(p, count);
        *again = 0;
        for (size_t place = 0; place < count; place++) {
            uint64_t hash = p->hash[place];
            if (*bucket_of(p, hash) < 2) continue;
            size_t slot = mixed(hash) >> 20 & p->slot_mask;
            while (p->slots[slot]
                   && !(p->hash[p->slots[slot] - 1] == hash
                        && same_characters(w, p->slots[slot] - 1, place, n)))
                slot = (slot + 1) & p->slot_mask;
            if (!p->slots[slot]) p->slots[slot] = (uint32_t)place + 1;
            else {
                for (size_t i = 0; i < n; i++) *again += w->distinct[w->ids[place + i]].length;
                place += n - 1;
            }
        }
    }
}

/* ---- lines and paragraphs ---- */

typedef struct {
    const Py_UCS4 *chars;
    size_t length;
} Part;

typedef struct {
    Part *parts;
    size_t count, room;
} Parts;

static int add_part(Parts *parts, const Py_UCS4 *chars, size_t length)
{
    if (make_room((void **)&parts->parts, &parts->room, parts->count + 1, sizeof(Part))) return -1;
    parts->parts[parts->count++] = (Part){chars, length};
    return 0;
}

/* re.split(r"\n{least,}", text) */
static int split_at_newlines(Parts *parts, const Py_UCS4 *text, size_t length, size_t least)
{
    size_t start = 0;
    parts->count = 0;
    for (size_t at = 0; at < length;) {
        if (text[at] != '\n') {
            at++;
            continue;
        }
        size_t end = at;
        while (end < length && text[end] == '\n') end++;
        if (end - at >= least) {
            if (add_part(parts, text + start, at - start)) return -1;
            start = end;
        }
        at = end;
    }
    return add_part(parts, text + start, length - start);
}

static uint64_t part_hash(const Part *part)
{
    uint64_t hash = part->length;
    size_t i = 0;
    for (; i + 2 <= part->length; i += 2)
        hash = mixed(hash ^ ((uint64_t)part->chars[i] << 32 | part->chars[i + 1]));
    return i < part->length ? mixed(hash ^ part->chars[i]) : hash;
}

/* How many parts repeat an earlier one, and how many characters these hold. */
static int count_duplicates(const Parts *parts, uint64_t *again, uint64_t *characters)
{
    *again = *characters = 0;
    if (parts->count < 2) return 0;
    size_t slots = power_of_two(parts->count * 2);
    uint32_t *table = PyMem_RawCalloc(slots, sizeof *table);
    uint64_t *hashes = PyMem_RawMalloc(parts->count * sizeof *hashes);
    if (!table || !hashes) {
        PyMem_RawFree(table);
        PyMem_RawFree(hashes);
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < parts->count; i++) {
        const Part *part = &parts->parts[i];
        hashes[i] = part_hash(part);
        size_t slot = hashes[i] & (slots - 1);
        for (; table[slot]; slot = (slot + 1) & (slots - 1)) {
            const Part *known = &parts->parts[table[slot] - 1];
            if (hashes[table[slot] - 1] == hashes[i] && known->length == part->length
                && !memcmp(known->chars, part->chars, part->length * sizeof *part->chars))
                break;
        }
        if (!table[slot]) table[slot] = (uint32_t)i + 1;
        else {
            *again += 1;
            *characters += part->length;
        }
    }
    PyMem_RawFree(table);
    PyMem_RawFree(hashes);
    return 0;
}

#endif
