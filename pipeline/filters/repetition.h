/* What a page says again: equal parts (lines, paragraphs) and word n-grams, as datatrove counts them.
   Most n-grams of a page occur once, and something cheap tells so of nearly all: a word that occurs
   once, a shorter n-gram that does, or letters that begin no other n-gram. Only what is left is looked
   at closely, in full and in its order. Hashes decide nothing but who is compared.
   Included by _signals.c alone, after words.h. */

#ifndef FILTERS_REPETITION_H
#define FILTERS_REPETITION_H

#include "words.h"

#define HEAD 16 /* letters of an n-gram by which others are told apart */

/* Scratch for places (of n-grams) on one page. */
typedef struct {
    uint64_t *hash;  /* of the place's n-gram */
    uint32_t *slots; /* place + 1, by hash */
    uint32_t *first; /* first place of an equal n-gram */
    uint32_t *times; /* how often, at that first place */
    uint32_t *list;  /* places whose n-gram may occur twice, in order */
    uint32_t *ends;  /* of the place's word, in the letters of all words */
    uint8_t *letters;
    size_t count; /* of the list */
    size_t slot_mask;
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
    PyMem_RawFree(p->letters);
}

/* All of it in two pieces: they are asked for a thousand times a second. */
static int places_init(Places *p, const Words *w)
{
    size_t count = w->count + 1, slots = power_of_two(count * 2), letters = 0;
    for (uint32_t i = 0; i < w->distinct_count; i++)
        letters += (size_t)w->distinct[i].count * w->distinct[i].length;
    *p = (Places){0};
    p->hash = PyMem_RawMalloc(count * sizeof *p->hash + (4 * count + slots) * sizeof(uint32_t));
    p->letters = PyMem_RawMalloc(letters + HEAD);
    if (!p->hash || !p->letters) {
        places_free(p);
        PyErr_NoMemory();
        return -1;
    }
    p->first = (uint32_t *)(p->hash + count);
    p->times = p->first + count;
    p->list = p->times + count;
    p->ends = p->list + count;
    p->slots = p->ends + count;
    return 0;
}

/* Empties the slots, and makes them as many as the list needs. */
static void clear_slots(Places *p)
{
    size_t slots = power_of_two(p->count * 2);
    p->slot_mask = slots - 1;
    memset(p->slots, 0, slots * sizeof *p->slots);
}

/* ---- the most frequent n-grams ---- */

/* Characters, with a space between words, of the most frequent n-gram times its occurrences, for
   n = 2, 3, 4. Of equally frequent ones the first counts. An n-gram is its first (n - 1)-gram's
   number and a word: 64 bits, so the key is no hash here but the thing itself. */
static void count_top_ngrams(Places *p, const Words *w, uint64_t characters[3])
{
    for (size_t place = 0; place < w->count; place++) {
        p->first[place] = w->ids[place];
        p->times[place] = w->distinct[w->ids[place]].count; /* of what the n-gram before had */
        p->list[place] = (uint32_t)place;
    }
    p->count = w->count;
    for (size_t n = 2; n <= 4; n++) {
        characters[n - 2] = 0;
        if (w->count < n) continue;
        size_t count = w->count - n + 1, best = 0, left = 0;
        uint32_t best_times = 1;
        /* both (n - 1)-grams of an n-gram that is there twice are there twice */
        for (size_t i = 0; i < p->count; i++) {
            uint32_t place = p->list[i];
            p->list[left] = place;
            left += place < count && p->times[place] > 1 && p->times[place + 1] > 1;
        }
        p->count = left;
        clear_slots(p);
        for (size_t i = 0; i < p->count; i++) {
            size_t place = p->list[i];
            p->hash[place] = (uint64_t)p->first[place] << 32 | w->ids[place + n - 1];
        }
        for (size_t place = 0; place < w->count; place++) p->times[place] = 0;
        for (size_t i = 0; i < p->count; i++) {
            uint32_t place = p->list[i];
            uint64_t key = p->hash[place];
            size_t slot = mixed(key) & p->slot_mask;
            while (p->slots[slot] && p->hash[p->slots[slot] - 1] != key)
                slot = (slot + 1) & p->slot_mask;
            if (!p->slots[slot]) p->slots[slot] = place + 1;
            uint32_t first = p->slots[slot] - 1;
            p->first[place] = first;
            uint32_t times = ++p->times[first];
            if (times > best_times || (times == best_times && first < best)) {
                best = first;
                best_times = times;
            }
        }
        for (size_t i = 0; i < p->count; i++) p->times[p->list[i]] = p->times[p->first[p->list[i]]];
        uint64_t size = n - 1;
        for (size_t i = 0; i < n; i++) size += w->distinct[w->ids[best + i]].length;
        characters[n - 2] = size * best_times;
    }
}

/* ---- n-grams that were there before ---- */

/* The letters of all words, one byte each, run together, and where each word ends. */
static void lay_letters(Places *p, const Words *w)
{
    size_t at = 0;
    for (size_t place = 0; place < w->count; place++) {
        const Distinct *word = &w->distinct[w->ids[place]];
        for (uint32_t i = 0; i < word->length; i++) p->letters[at + i] = (uint8_t)word->chars[i];
        at += word->length;
        p->ends[place] = (uint32_t)at;
    }
    memset(p->letters + at, 0, HEAD);
}

static inline size_t begin_of(const Places *p, size_t place)
{
    return place ? p->ends[place - 1] : 0;
}

/* Lists the places of n-grams of at least `n` words that may equal another one's. Equal n-grams have
   equal heads; one that is shorter than a head is listed whatever it is, since what is in the head
   beyond its end says nothing. */
static void list_places(Places *p, const Words *w, size_t n)
{
    size_t count = w->count < n ? 0 : w->count - n + 1;
    p->count = count;
    clear_slots(p);
    /* a slot's bits say that one head fell there, and that another did */
    for (size_t place = 0; place < count; place++) {
        uint64_t head[2];
        memcpy(head, p->letters + begin_of(p, place), HEAD);
        p->hash[place] = mixed(head[0] * BASE ^ head[1]);
        uint32_t *slot = &p->slots[p->hash[place] & p->slot_mask];
        uint32_t bit = 1u << (p->hash[place] >> 60);
        *slot |= (*slot & bit) << 16 | bit;
    }
    size_t listed = 0;
    for (size_t place = 0; place < count; place++) {
        uint32_t slot = p->slots[p->hash[place] & p->slot_mask];
        int is_short = p->ends[place + n - 1] - begin_of(p, place) < HEAD;
        p->list[listed] = (uint32_t)place;
        listed += is_short || slot >> (16 + (p->hash[place] >> 60)) & 1;
    }
    p->count = listed;
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
    lay_letters(p, w);
    list_places(p, w, 5 * signs_per_word);
    for (size_t i = 0; i < p->count; i++) p->hash[p->list[i]] = 0;
    for (size_t n = 1; n <= 10 * signs_per_word; n++) {
        while (p->count && p->list[p->count - 1] + n > w->count) p->count--;
        for (size_t i = 0; i < p->count; i++) {
            size_t place = p->list[i];
            const Distinct *last = &w->distinct[w->ids[place + n - 1]];
            p->hash[place] = p->hash[place] * last->power + last->hash;
        }
        if (n < 5 * signs_per_word || n % signs_per_word) continue;
        uint64_t *again = characters + n / signs_per_word - 5;
        *again = 0;
        clear_slots(p);
        for (size_t i = 0, next = 0; i < p->count; i++) {
            uint32_t place = p->list[i];
            if (place < next) continue;
            uint64_t hash = p->hash[place];
            size_t slot = mixed(hash) & p->slot_mask;
            while (p->slots[slot]
                   && !(p->hash[p->slots[slot] - 1] == hash
                        && same_characters(w, p->slots[slot] - 1, place, n)))
                slot = (slot + 1) & p->slot_mask;
            if (!p->slots[slot]) p->slots[slot] = place + 1;
            else {
                *again += p->ends[place + n - 1] - begin_of(p, place);
                next = place + n;
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

/* Four sums side by side: a multiplication waits for none but its own. */
static uint64_t part_hash(const Part *part)
{
    uint64_t sums[4] = {part->length, 1, 2, 3}, pair;
    size_t i = 0;
    for (; i + 8 <= part->length; i += 8)
        for (size_t k = 0; k < 4; k++) {
            memcpy(&pair, part->chars + i + 2 * k, sizeof pair);
            sums[k] = ((sums[k] << 29 | sums[k] >> 35) ^ pair) * BASE;
        }
    for (; i < part->length; i++) sums[i & 3] = (sums[i & 3] ^ part->chars[i]) * BASE;
    return mixed(mixed(mixed(mixed(sums[0]) ^ sums[1]) ^ sums[2]) ^ sums[3]);
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
