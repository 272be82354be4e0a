/* The columns of numbers that features.py describes, for every block of a page.
 *
 * first() writes what stands in the page, second() what a first classifier's probabilities add.
 * Only sums, products and quotients, no logarithms: trees don't need them, and the results are the
 * same on every machine. The names at the head of each part are in the order of the writes below.
 */
#include "_features_words.h"
#include <math.h>

#define NEIGHBOURS 4
#define ANCESTORS 5
#define HINTS 64
#define FLAGS 40

static const char *LOCAL[] = {
    "characters", "words", "link_share", "word_length", "upper_share", "digit_share", "comma_rate",
    "sentence_rate", "group", "heading_level", "starts", "ends", "links", "sentence_ends",
    "cjk_share", "bold_share", "letter_share", "images_before", "line_breaks", "tags_before",
    "markup_before", "in_table", "row", "column", "item", "depth", "list_depth", "break_before",
    "inline_tags", "repeats", WORDS_NAMES, "heading_words_mean", "heading_words_whole",
    "index_share", "text_before_share", "markup_share", "index", "index_from_end", "since_title",
    "since_heading", "last_heading_level", "section_characters", "section_number",
    "depth_to_prose", "like_before", "like_after", "alike", "alike_mean", "alike_link_share",
    "candidate_score", "candidate_own", "candidate_inside", "candidate_before", "candidate_after",
    "begins_alike", "label_words", "siblings", "sibling_links", "sibling_characters", "cards",
    "card_links", "card_characters", "card_link_share", "card_blocks", "card_level",
    "furniture_own", "furniture_near", "furniture_any", "content_own", "content_near",
    "content_any"};
static const char *PAGE[] = {
    "page_blocks", "page_characters", "page_link_share", "page_prose_share", "page_bytes",
    "page_text_per_byte", "page_cjk_share", "page_table_share", "page_pre_share",
    "page_heading_share", "page_longest", "page_article_share", "page_main_share",
    "page_candidate_share", "page_candidate_link_share", "page_words_mean", "page_list_share"};
static const char *NEAR[] = {
    "characters", "link_share", "sentence_rate", "group", "upper_share", "same_parent",
    "words_mean", "furniture_near"};
static const char *WINDOW[] = {"characters", "link_share", "prose_share", "prose_before"};
static const int WINDOWS[] = {4, 12};
static const char *ANCESTOR[] = {
    "characters", "link_share", "blocks", "page_share", "paragraph_share", "comma_rate",
    "headings", "children", "mean_block", "place", "group", "furniture", "content"};
static const char *MASKS[] = {"own", "near", "any", "inline", "link"};
#define COUNT(names) (int)(sizeof(names) / sizeof(names[0]))
#define FIRST_COLUMNS \
    (COUNT(LOCAL) + COUNT(PAGE) + FLAGS + HINTS * COUNT(MASKS) + \
     2 * NEIGHBOURS * COUNT(NEAR) + COUNT(WINDOWS) * COUNT(WINDOW) + ANCESTORS * COUNT(ANCESTOR))

typedef struct {
    const Block *blocks;
    const Container *containers;
    Py_ssize_t count, holders;
    double *text; /* running sums of mass, one more than blocks */
} Page;

/* A Chinese character says as much as two or three letters. */
static inline double mass_of(const Block *b) {
    return (b->characters ? b->characters : 1) + 1.5 * b->cjk;
}

static inline double share(double part, double whole) {
    return whole > 0 ? (part < whole ? part / whole : 1) : 0;
}

static inline int bits(uint64_t mask) {
    mask -= mask >> 1 & 0x5555555555555555ULL;
    mask = (mask & 0x3333333333333333ULL) + (mask >> 2 & 0x3333333333333333ULL);
    return (int)(((mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56);
}

static inline uint64_t stir(uint64_t h) {
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
    return h ^ h >> 32;
}

/* Numbers equal keys alike, from 0; `slots` has room for `size` (a power of two) entries. */
static int32_t group_of(uint64_t key, uint64_t *keys, int32_t *slots, size_t size, int32_t *next) {
    size_t at = stir(key) & (size - 1);
    while (slots[at] >= 0 && keys[at] != key) at = (at + 1) & (size - 1);
    if (slots[at] < 0) {
        slots[at] = (*next)++;
        keys[at] = key;
    }
    return slots[at];
}

/* Groups of equal keys: `groups` gets a number a block; returns how many, or -1. */
static int32_t grouped(const uint64_t *of, Py_ssize_t count, int32_t *groups) {
    size_t size = 16;
    while (size < (size_t)count * 2) size *= 2;
    uint64_t *keys = malloc(size * sizeof *keys);
    int32_t *slots = malloc(size * sizeof *slots), next = 0;
    if (keys && slots) {
        memset(slots, -1, size * sizeof *slots);
        for (Py_ssize_t i = 0; i < count; i++)
            groups[i] = group_of(of[i], keys, slots, size, &next);
    } else {
        next = -1;
    }
    free(keys);
    free(slots);
    return next;
}

/* A block's markup: its tag and hints, and those of the element above it. */
static uint64_t likeness(const Page *p, const Block *b) {
    const Container *own = &p->containers[b->container];
    const Container *above = own->parent >= 0 ? &p->containers[own->parent] : own;
    return stir(stir(b->hints ^ (uint64_t)b->tag << 56 ^ b->list_depth) + above->hints * 31 +
                above->tag);
}

static inline int32_t above(const Page *p, int32_t row) {
    int32_t parent = p->containers[row].parent;
    return parent < 0 ? 0 : parent;
}

static int page_of(const Py_buffer *blocks, const Py_buffer *containers, Page *p) {
    p->blocks = blocks->buf;
    p->containers = containers->buf;
    p->count = blocks->len / (Py_ssize_t)sizeof(Block);
    p->holders = containers->len / (Py_ssize_t)sizeof(Container);
    p->text = NULL;
    int good = blocks->len % sizeof(Block) == 0 && containers->len % sizeof(Container) == 0 &&
               (uintptr_t)blocks->buf % 8 == 0 && (uintptr_t)containers->buf % 8 == 0 &&
               p->count > 0 && p->holders > 0 && p->count < INT32_MAX / 2;
    for (Py_ssize_t i = 0; good && i < p->count; i++)
        good = p->blocks[i].container >= 0 && p->blocks[i].container < p->holders;
    for (Py_ssize_t i = 0; good && i < p->holders; i++) {
        const Container *c = &p->containers[i];
        good = c->parent < i && c->parent >= -1 && c->first_block >= 0 && c->blocks >= 0 &&
               (Py_ssize_t)c->first_block + c->blocks <= p->count;
    }
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "features: no blocks and containers of one page");
        return -1;
    }
    p->text = malloc((p->count + 1) * sizeof(double));
    if (!p->text) {
        PyErr_NoMemory();
        return -1;
    }
    p->text[0] = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) p->text[i + 1] = p->text[i] + mass_of(&p->blocks[i]);
    return 0;
}

static int fits(const Py_buffer *out, Py_ssize_t count, Py_ssize_t width, Py_ssize_t columns) {
    int good = width >= columns && count <= PY_SSIZE_T_MAX / 4 / width &&
               out->len == count * width * 4 && (uintptr_t)out->buf % 4 == 0;
    if (!good) PyErr_SetString(PyExc_ValueError, "features: the matrix has another size");
    return good;
}

#include "_features_first.h"
#include "_features_second.h"

static int add(PyObject *list, const char *before, int number, const char *name) {
    PyObject *text = number ? PyUnicode_FromFormat("%s%d_%s", before, number, name)
                            : PyUnicode_FromFormat("%s%s", before, name);
    int bad = !text || PyList_Append(list, text) < 0;
    Py_XDECREF(text);
    return bad;
}

static PyObject *first_names(void) {
    PyObject *list = PyList_New(0);
    char number[16];
    int bad = !list;
    for (int i = 0; !bad && i < COUNT(LOCAL); i++) bad = add(list, "", 0, LOCAL[i]);
    for (int i = 0; !bad && i < COUNT(PAGE); i++) bad = add(list, "", 0, PAGE[i]);
    for (int i = 0; !bad && i < FLAGS; i++) {
        snprintf(number, sizeof number, "%d", i);
        bad = add(list, "flag_", 0, number);
    }
    for (int m = 0; m < COUNT(MASKS); m++)
        for (int i = 0; !bad && i < HINTS; i++) {
            snprintf(number, sizeof number, "_%d", i);
            bad = add(list, MASKS[m], 0, number);
        }
    for (int side = 1; side <= NEIGHBOURS; side++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (int i = 0; !bad && i < COUNT(NEAR); i++) bad = add(list, "at", sign * side, NEAR[i]);
    for (int w = 0; w < COUNT(WINDOWS); w++)
        for (int i = 0; !bad && i < COUNT(WINDOW); i++) bad = add(list, "window", WINDOWS[w], WINDOW[i]);
    for (int up = 1; up <= ANCESTORS; up++)
        for (int i = 0; !bad && i < COUNT(ANCESTOR); i++) bad = add(list, "up", up, ANCESTOR[i]);
    if (bad) Py_CLEAR(list);
    return list;
}

static PyObject *second_names(void) {
    PyObject *list = PyList_New(0);
    int bad = !list;
    for (int i = 0; !bad && i < COUNT(SECOND); i++) bad = add(list, "", 0, SECOND[i]);
    for (int i = 0; i < COUNT(REACH); i++)
        for (int sign = -1; sign <= 1; sign += 2)
            if (!bad) bad = add(list, "p_at", sign * REACH[i], "p");
    for (int up = 1; up <= ANCESTORS; up++)
        for (int i = 0; !bad && i < COUNT(HELD); i++) bad = add(list, "p_up", up, HELD[i]);
    if (bad) Py_CLEAR(list);
    return list;
}

static PyMethodDef METHODS[] = {
    {"first", first, METH_VARARGS,
     "first(blocks, containers, texts, lexicon, groups, title, og_title, description, html_bytes, "
     "furniture, content, out, width): fills the first columns of out."},
    {"second", second, METH_VARARGS,
     "second(blocks, containers, probabilities, out, width, column): fills columns of out."},
    {"keys", keys, METH_O, "keys(text) -> places in the lexicon: begin, end, whole, then words."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "pipeline.extract._features", .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__features(void) {
    PyObject *module = PyModule_Create(&MODULE);
    PyObject *one = first_names(), *two = second_names();
    if (!module || !one || !two || PyModule_AddObjectRef(module, "FIRST", one) < 0 ||
        PyModule_AddObjectRef(module, "SECOND", two) < 0 ||
        PyModule_AddIntConstant(module, "LEXICON", LEXICON) < 0 ||
        PyModule_AddIntConstant(module, "BLOCK_BYTES", sizeof(Block)) < 0 ||
        PyModule_AddIntConstant(module, "CONTAINER_BYTES", sizeof(Container)) < 0)
        Py_CLEAR(module);
    Py_XDECREF(one);
    Py_XDECREF(two);
    return module;
}
