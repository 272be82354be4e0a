/* Copies: what a page shows once but its source holds twice, and what is no text at all.
 *
 * The law: something is dropped as a copy only when the other copy was kept. So a rendering of a
 * formula is written first and taken back when the formula's source comes right behind it, a
 * column of line numbers is taken back when it turned out to hold nothing but numbers, and a
 * button goes from a code block when that leaves some code. Whatever a class name promises, text
 * that has no other copy stays. */
#include "_segment_foster.h"

enum { NOT_FORMULA, FROM_MATH, FROM_UNSEEN_MATH, FROM_MARKUP, FROM_SCRIPT, FROM_IMAGE };

static int save(Page *p, int kind) { /* the number of the saved place, 0 if there is no room */
    if (p->saved_count == SAVED_MOST) return 0;
    Saved *s = &p->saved[p->saved_count++];
    s->current = p->current;
    s->used = p->used; s->block_start = p->block_start; s->block_count = p->block_count;
    s->container_count = p->container_count; s->formula_count = p->formula_count;
    s->text_end = p->text_end; s->space = p->space; s->kind = kind;
    return p->saved_count;
}

/* Takes everything back that was written since; tags and images go on being counted. */
static void restore(Page *p, const Saved *s) {
    uint32_t tags = p->current.tags_before, images = p->current.images_before;
    if (p->block_count > s->block_count) {
        for (size_t i = s->block_count; i < p->block_count; i++) {
            tags += p->blocks[i].tags_before;
            images += p->blocks[i].images_before;
        }
        for (int i = p->top; i >= 0; i--)
            if (p->stack[i].container >= (int32_t)s->container_count) p->stack[i].container = -1;
        p->container_count = s->container_count;
        unplace(p, s->block_count);
        p->block_count = s->block_count;
    }
    p->current = s->current;
    p->current.tags_before = tags; p->current.images_before = images;
    p->used = s->used; p->block_start = s->block_start; p->formula_count = s->formula_count;
    p->text_end = s->text_end; p->space = s->space;
    while (p->cut_count && p->cuts[p->cut_count - 1].to > p->used) p->cut_count--;
}

/* Whether a text holds whole numbers only, each the next of the one before; `count` and `before`
 * are those so far. */
static int numbers(const u8 *s, const u8 *end, int *count, uint64_t *before) {
    while (s < end) {
        if (is_space(*s) || (*count && (*s == '.' || *s == ':' || *s == '|'))) { s++; continue; }
        if ((u8)(*s - '0') > 9) return 0;
        uint64_t number = 0;
        const u8 *from = s;
        for (; s < end && (u8)(*s - '0') < 10; s++) number = number * 10 + (u8)(*s - '0');
        if (s - from > 9 || (*count && number != *before + 1)) return 0;
        *before = number;
        ++*count;
    }
    return 1;
}

static int is_numbering(const Page *p, const Saved *s) { /* all that was written since */
    uint64_t before = 0;
    int count = 0;
    size_t at = s->used;
    for (size_t i = s->block_count; i < p->block_count; i++) {
        if (p->starts[i] > at) at = p->starts[i];
        if (!numbers(p->out + at, p->out + p->ends[i], &count, &before)) return 0;
        at = p->ends[i];
    }
    return numbers(p->out + at, p->out + p->used, &count, &before) && count > (s->kind == S_COLUMN);
}

/* At the end of an element whose beginning was saved. */
static void settle(Page *p, int number, int tag) {
    Saved *s = &p->saved[number - 1];
    p->saved_count = number - 1;
    int same_block = s->block_start == p->block_start && s->block_count == p->block_count;
    if (p->failed || p->capped_blocks || p->used < s->used) return;
    if (s->kind == S_NUMBERS || s->kind == S_COLUMN) {
        if (is_numbering(p, s)) restore(p, s);
    } else if (s->kind == S_BUTTON && same_block && p->used > s->used) {
        p->sure_cut = tag == T_BUTTON;
        if (p->cut_count < 4 && (!p->cut_count || p->cuts[p->cut_count - 1].to <= s->used))
            p->cuts[p->cut_count++] = (Range){s->used, p->used};
    } else if (s->kind == S_RENDERING && same_block && p->used > s->used &&
               p->formula_count == s->formula_count) {
        p->rendering = *s;
        p->rendering_end = p->used;
    }
}

/* Buttons go from the code block that ends, unless they are most of it: then a class that says
 * that code has a button was read as that of one. */
static void cut_buttons(Page *p) {
    size_t all = 0, cut = 0;
    for (size_t i = p->block_start; i < p->used; i++) all += !is_space(p->out[i]);
    for (int i = 0; i < p->cut_count; i++) {
        if (p->cuts[i].from < p->block_start || p->cuts[i].to > p->used) cut = all;
        else for (size_t j = p->cuts[i].from; j < p->cuts[i].to; j++) cut += !is_space(p->out[j]);
    }
    for (int i = p->cut_count; 2 * cut < all + p->sure_cut * all && i-- > 0;) {
        size_t from = p->cuts[i].from, to = p->cuts[i].to;
        memmove(p->out + from, p->out + to, p->used - to);
        p->used -= to - from;
        size_t j = p->formula_count, first;
        for (; j > 0 && p->formulas[j - 1].from >= to; j--) {
            p->formulas[j - 1].from -= to - from;
            p->formulas[j - 1].to -= to - from;
        }
        for (first = j; first > 0 && p->formulas[first - 1].from >= from;) first--;
        if (first == j) continue; /* no formula was in the button */
        memmove(p->formulas + first, p->formulas + j, (p->formula_count - j) * sizeof(Range));
        p->formula_count -= j - first;
    }
    p->cut_count = p->sure_cut = 0;
}

static int formula_ends_here(const Page *p) { /* nothing was written since the last one */
    return p->formula_count && p->formulas[p->formula_count - 1].to == p->used;
}

static int same_but_spaces(const u8 *a, const u8 *a_end, const u8 *b, const u8 *b_end) {
    for (;; a++, b++) {
        while (a < a_end && (is_space(*a) || *a == '$')) a++;
        while (b < b_end && (is_space(*b) || *b == '$')) b++;
        if (a == a_end || b == b_end) return a == a_end && b == b_end;
        if (*a != *b) return 0;
    }
}

static int strip(Slice *s, const char *open, const char *close) {
    size_t before = strlen(open), after = strlen(close);
    if (s->n <= before + after || memcmp(s->at, open, before) ||
        memcmp(s->at + s->n - after, close, after))
        return 0;
    s->at += before; s->n -= before + after;
    while (s->n && is_space(*s->at)) s->at++, s->n--;
    while (s->n && is_space(s->at[s->n - 1])) s->n--;
    return 1;
}

/* TeX without white space, delimiters and what hides it from XML parsers around it; how many
 * dollar signs those delimiters stand for, 0 if there were none. */
static int bare_tex(Slice *s) {
    while (s->n && is_space(*s->at)) s->at++, s->n--;
    while (s->n && is_space(s->at[s->n - 1])) s->n--;
    strip(s, "% <![CDATA[", "%]]>");
    strip(s, "<![CDATA[", "]]>");
    if (strip(s, "$$", "$$") || strip(s, "\\[", "\\]")) return 2;
    return strip(s, "$", "$") || strip(s, "\\(", "\\)");
}

/* A formula's TeX between dollar signs, two for one that stands in a line of its own. What was
 * written right before it is dropped if it is a rendering of it; it is dropped itself if it is. */
static void formula(Page *p, Slice tex, int dollars, int decode, int source) {
    bare_tex(&tex);
    if (!tex.n) return;
    int adjacent = formula_ends_here(p);
    if (source != FROM_IMAGE && p->saved_count &&
        p->saved[p->saved_count - 1].kind == S_RENDERING &&
        p->saved[p->saved_count - 1].block_count == p->block_count) {
        restore(p, &p->saved[p->saved_count - 1]); /* the source stands inside the rendering */
        adjacent = 0;
    }
    if (source != FROM_IMAGE && p->rendering_end == p->used && p->rendering_end &&
        p->rendering.block_start == p->block_start) {
        restore(p, &p->rendering);
        p->rendering_end = 0;
        adjacent = 0;
    }
    if (source == FROM_SCRIPT && adjacent && p->formula_source == FROM_UNSEEN_MATH &&
        p->formulas[p->formula_count - 1].from >= p->block_start)
        p->used = p->formulas[--p->formula_count].from; /* made from the same script */
    if (p->formula_count == p->formula_room) {
        size_t room = p->formula_room * 2 + 16;
        Range *grown = realloc(p->formulas, room * sizeof(Range));
        if (!grown) { p->failed = 1; return; }
        p->formulas = grown; p->formula_room = room;
    }
    size_t before = p->used;
    append(p, (const u8 *)"$$", (size_t)dollars);
    size_t from = p->used - (size_t)dollars;
    int keep = p->keep;
    p->keep = KEEP_NONE;
    text(p, tex.at, tex.at + tex.n, decode);
    p->keep = keep;
    p->space = 0;
    append(p, (const u8 *)"$$", (size_t)dollars);
    if (p->failed) return;
    if (source == FROM_IMAGE && adjacent && p->formula_source < FROM_SCRIPT) {
        Range last = p->formulas[p->formula_count - 1];
        if (p->formula_source == FROM_MARKUP ||
            same_but_spaces(p->out + last.from, p->out + last.to, p->out + from,
                            p->out + p->used)) {
            p->used = before;
            return;
        }
    }
    p->formulas[p->formula_count++] = (Range){from, p->used};
    p->formula_source = source;
}
