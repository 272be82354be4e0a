/* Blocks and open elements: where a block ends, what it inherits, which end tags are implied. */
#include "_segment_grid.h"

static int32_t container_of(Page *p, int index) { /* its row, made with its ancestors' if need be */
    int missing = 0, i;
    for (i = index; i >= 0 && p->stack[i].container < 0; i = p->stack[i].above) missing++;
    if (missing == 0) return p->stack[index].container;
    if (p->container_count + (size_t)missing > p->container_room) {
        size_t room = p->container_room * 2 + (size_t)missing;
        Container *grown = realloc(p->containers, room * sizeof(Container));
        if (!grown) { p->failed = 1; return -1; }
        p->containers = grown; p->container_room = room;
    }
    int32_t row = (int32_t)p->container_count + missing - 1;
    p->container_count += (size_t)missing;
    for (i = index; i >= 0 && p->stack[i].container < 0; i = p->stack[i].above) {
        Open *open = &p->stack[i];
        Container *c = &p->containers[row];
        memset(c, 0, sizeof(*c));
        c->flags = open->flags; c->hints = open->hints; c->tag = open->tag;
        c->hidden = open->hidden;
        c->depth = open->block_depth;
        c->html_start = open->html_start;
        c->html_end = (uint32_t)(p->end - p->start);
        c->first_block = (int32_t)p->block_count;
        int below = open->above;
        c->parent = below < 0 ? -1 : p->stack[below].container >= 0 ? p->stack[below].container
                                                                   : row - 1;
        open->container = row--;
    }
    return p->stack[index].container;
}

static void flush(Page *p) { /* ends the current block */
    if (p->cut_count) cut_buttons(p);
    size_t from = p->block_start, to = p->used;
    u8 *out = p->out;
    p->space = 0;
    for (;;) { /* no white space at the end, ideographic included */
        if (to > from && is_space(out[to - 1])) to--;
        else if (to >= from + 3 && !memcmp(out + to - 3, "\xE3\x80\x80", 3)) to -= 3;
        else break;
    }
    if (p->current.links && to >= from + 3 && !memcmp(out + to - 2, "\xC2\xB6", 2)) {
        to -= 2; /* a heading's link to itself */
        while (to > from && is_space(out[to - 1])) to--;
    }
    if (from < to && is_space(out[from])) {
        /* Empty lines at the beginning go. The first line's indentation stays in code and in
         * verse; that of a paragraph is no text. */
        size_t first = from, i = from;
        for (; i < to && is_space(out[i]); i++)
            if (out[i] == '\n') first = i + 1;
        int keep = p->pre || p->current.flags & BIT(F_CODE) ||
                   p->stack[p->top].hints_any & HINT_CODE || memchr(out + i, '\n', to - i);
        from = keep ? first : i;
    }
    p->used = to;
    if (to <= from) {
        p->used = p->block_start;
        return;
    }
    if (p->block_count >= p->max_blocks) {
        p->capped_blocks = 1;
        p->used = p->block_start;
        return;
    }
    if (p->block_count == p->block_room) {
        size_t room = p->block_room * 2;
        Block *grown = realloc(p->blocks, room * sizeof(Block));
        if (grown) p->blocks = grown;
        size_t *starts = realloc(p->starts, room * sizeof(size_t));
        if (starts) p->starts = starts;
        size_t *ends = realloc(p->ends, room * sizeof(size_t));
        if (ends) p->ends = ends;
        if (!grown || !starts || !ends) { p->failed = 1; return; }
        p->block_room = room;
    }
    int at = p->stack[p->top].block;
    Open *open = &p->stack[at];
    Block *b = &p->current;
    b->container = container_of(p, at);
    if (p->failed) return;
    b->hints = b->hints_near = open->hints;
    for (int i = at, step = 0; step < 2 && i > 0; step++) {
        i = p->stack[i].above;
        b->hints_near |= p->stack[i].hints;
    }
    b->hints_any = open->hints_any;
    b->flags |= open->flags;
    b->tag = open->tag;
    b->depth = open->block_depth;
    b->list_depth = open->list_depth;
    b->heading_level = IS_HEADING(open->tag) ? (u8)(open->tag - T_H1 + 1) : 0;
    b->table = open->table >= 0 ? p->stack[open->table].ordinal : -1;
    b->row = open->row_entry >= 0 ? p->stack[open->row_entry].ordinal : -1;
    b->column = open->cell >= 0 ? p->stack[open->cell].ordinal : -1;
    b->place = open->cell >= 0 ? (int32_t)p->stack[open->cell].column : -1;
    b->section = open->section;
    b->item = open->item >= 0 ? p->stack[open->item].ordinal : -1;
    b->list_tag = open->list >= 0 ? p->stack[open->list].tag : 0;
    if (open->item >= 0 && !p->stack[open->item].emitted) {
        p->stack[open->item].emitted = 1;
        b->flags |= BIT(F_FIRST_OF_ITEM);
    }
    if (open->cell >= 0 && !p->stack[open->cell].emitted) {
        p->stack[open->cell].emitted = 1;
        b->flags |= BIT(F_FIRST_OF_CELL);
    }
    b->break_before = p->break_next;
    b->markup_bytes_before = (uint32_t)(p->start + b->start - p->text_end);
    measure(b, out + from, out + to);
    for (size_t i = from; i < to; i++) b->line_breaks += out[i] == '\n';
    if (b->link_characters > b->characters) b->link_characters = b->characters;
    if (b->bold_characters > b->characters) b->bold_characters = b->characters;
    if (b->link_characters && b->link_characters + b->links >= b->characters)
        b->flags |= BIT(F_LINK); /* but for what stands between links */
    p->starts[p->block_count] = from;
    p->ends[p->block_count] = to;
    p->blocks[p->block_count++] = *b;
    place(p);
    memset(b, 0, sizeof(*b));
    p->block_start = p->used;
    p->break_next = 0;
    p->text_end = p->at;
}

static void boundary(Page *p) { /* a block-level tag */
    if (p->stack[p->top].skip) return; /* in what is not shown */
    if (!p->pre) flush(p);
    else if (p->used > p->block_start && p->out[p->used - 1] != '\n') line_break(p);
    close_line(p);
}

/* ================= elements ================= */

static void new_line(Page *p) { /* for <br> */
    if (p->used == p->block_start) break_rows(p);
    line_break(p);
}

/* A piece of text that was moved out of a table ends; more may follow in its line. */
static void end_piece(Page *p) {
    Open *table = &p->stack[~p->stack[p->top].flow];
    size_t before = p->block_count;
    int due = p->space != 0, broken = p->used > 0 && p->out[p->used - 1] == '\n';
    flush(p);
    if (p->block_count > before) {
        table->line_open = !broken;
        table->space_due = (u8)due;
    }
}

#define COUNTS_DOWN 1 /* as a list's column */
/* A reversed list ends: its items' numbers, counted up so far, are counted down to 1, or from the
 * number where it starts. */
static void count_down(Page *p, const Open *list) {
    int32_t sum = list->ordinal ? 2 * list->ordinal : list->count + 1;
    int32_t table = list->table >= 0 ? p->stack[list->table].ordinal : -1;
    for (size_t i = (size_t)list->tail; i < p->block_count; i++)
        if (p->blocks[i].list_depth == list->list_depth && p->blocks[i].table == table)
            p->blocks[i].item = sum - p->blocks[i].item;
}

static void pop(Page *p) {
    Open *open = &p->stack[p->top];
    if (open->tag == T_Q && !open->skip) append(p, (const u8 *)"\xE2\x80\x9D", 3);
    if (open->script && !open->skip) script(p, open->mark, open->script == 2);
    if (p->pre && (open->tag == T_LI || open->tag == T_TR) && p->used == open->mark && !open->skip)
        put_space(p, '\n'); /* an empty line of code */
    /* a formula is written by an element that shows nothing else */
    if (open->fostered && !open->is_block && (!open->skip || open->tag == T_MATH)) end_piece(p);
    if (open->is_block) {
        if (p->pre && !(open->flags & BIT(F_PRE) && !(p->stack[p->top - 1].flags & BIT(F_PRE)))) {
            boundary(p);
        } else if (!open->skip) {
            flush(p);
        }
        if (open->container >= 0)
            p->containers[open->container].html_end = (uint32_t)(p->at - p->start);
        close_line(p);
        if (open->tag == T_TABLE && open->flow == p->top) close_flow(p, p->top);
        if (open->tag == T_OL && open->column == COUNTS_DOWN) count_down(p, open);
    }
    if (open->flags & BIT(F_PRE) && !(p->stack[p->top - 1].flags & BIT(F_PRE))) p->pre = 0;
    if (open->alive) {
        p->last_of[open->tag] = open->same;
        p->link -= open->link;
        p->bold -= open->tag == T_B || open->tag == T_STRONG || IS_HEADING(open->tag);
    }
    if (open->saved) settle(p, open->saved, open->tag);
    if (open->tag == T_TABLE && open->grid >= 0) p->grid_count = (size_t)open->grid;
    p->top--;
    p->keep = p->stack[p->top].keep;
}

static void pop_to(Page *p, int index) { while (p->top >= index && p->top > 0) pop(p); }

static void kill(Page *p, int index) { /* a formatting element ends while blocks in it go on */
    Open *open = &p->stack[index];
    open->alive = 0;
    p->last_of[open->tag] = open->same;
    p->link -= open->link;
    p->bold -= open->tag == T_B || open->tag == T_STRONG;
}

static int comes(const Page *p, const char *word) { /* whether it is the next but for space */
    const u8 *s = p->at;
    size_t n = strlen(word);
    while (s < p->end && is_space(*s)) s++;
    if ((size_t)(p->end - s) < n) return 0;
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 32) != (u8)word[i]) return 0;
    return 1;
}

static int block_comes(const Page *p) { /* whether the next tag begins a block */
    const u8 *s = p->at, *from;
    while (s < p->end && is_space(*s)) s++;
    if (s >= p->end || *s != '<') return 0;
    for (from = ++s; s < p->end && s - from < 12 && (is_letter(*s) || (u8)(*s - '0') < 10);) s++;
    return TAGS[tag_id(from, (size_t)(s - from))].kind & BLOCK;
}

/* What a screen reader is told between two digits is a sign that others see by position. */
static int is_spoken_sign(const Page *p) {
    if (p->space || p->used == p->block_start || (u8)(p->out[p->used - 1] - '0') > 9) return 0;
    return p->end - p->at > 1 && p->at[1] == '<' && strchr("+-/", p->at[0]) && p->at[0];
}

/* A cell that holds a line of code makes its table one block of code. */
static void code_table(Page *p, int table) {
    for (int i = table; i <= p->top; i++) p->stack[i].flags |= BIT(F_PRE);
    p->pre = 1;
}

/* Whether an element is written as long as it isn't known to be a copy; where it began, then. */
static int save_place(Page *p, int tag, int is_block, const Attributes *a) {
    if (a->hints & HINT_NUMBERS || (p->pre && a->unselectable)) {
        if (p->pre || tag == T_TD || tag == T_TH) return save(p, S_NUMBERS);
        return is_block ? save(p, S_COLUMN) : 0;
    }
    if (p->pre && (tag == T_BUTTON || a->hints & HINT_COPY)) return save(p, S_BUTTON);
    return a->hints & HINT_TWICE ? save(p, S_RENDERING) : 0;
}

static size_t letters_at(const u8 *s, const u8 *end) {
    const u8 *from = s;
    while (s < end && is_letter(*s)) s++;
    return (size_t)(s - from);
}

static int is_control(int tag) { /* what a text for screen readers names */
    return tag == T_INPUT || tag == T_SELECT || tag == T_BUTTON || tag == T_IMG ||
           !strcmp(TAGS[tag].name, "textarea");
}

/* Whether all of a cell is what screen readers are told: beside a sign drawn by style. */
static int fills_cell(const Page *p) {
    const Open *up = &p->stack[p->top];
    if (up->cell < 0 || p->stack[up->cell].emitted || p->used > p->block_start) return 0;
    const u8 *s = p->at, *end = p->end - s > 400 ? s + 400 : p->end;
    int inside = 1;
    for (int tags = 0; tags < 8; tags++) {
        while (s < end && (inside || is_space(*s)) && *s != '<') s++;
        if (end - s < 4 || *s != '<') return 0;
        const u8 *name = s + 1 + (s[1] == '/');
        int tag = tag_id(name, letters_at(name, end));
        if (tag >= T_TABLE && tag <= T_TH) return !inside;
        inside = inside && s[1] != '/';
        if (!inside && name == s + 1 && is_control(tag)) return 0;
        while (s < end && *s++ != '>') {}
    }
    return 0;
}

/* What a role or style makes a table, a row or a cell: as the elements that are. */
static void table_part(Page *p, int index, int part) {
    Open *open = &p->stack[index];
    if (part == PART_TABLE) {
        open->table = index; open->row_entry = open->cell = open->item = open->list = -1;
        open->list_depth = 0; open->section = 1;
        open->ordinal = (int32_t)p->tables++;
        open->flags = (open->flags | BIT(F_TABLE)) & ~(BIT(F_CELL) | BIT(F_TABLE_HEADER));
    } else if (open->table >= 0 && TAGS[p->stack[open->table].tag].flag != F_TABLE) {
        if (part == PART_ROW) {
            open->row_entry = index; open->cell = -1;
            open->ordinal = p->stack[open->table].count++;
        } else if (open->row_entry >= 0 && open->cell < 0) {
            open->cell = index;
            open->ordinal = p->stack[open->row_entry].count++;
            open->column = grid_cell(p, &p->stack[open->table], &p->stack[open->row_entry], 1, 1);
            open->flags |= BIT(F_CELL);
        }
    }
}

static void push(Page *p, int tag, const Attributes *a, const u8 *tag_start) {
    const Tag *what = &TAGS[tag];
    Open *up = &p->stack[p->top];
    int is_block = (what->kind & BLOCK) ||
                   (what->kind & MAYBE && !(TAGS[p->stack[up->block].tag].kind & PHRASING));
    int hidden = a->unseen || a->shown == SHOWN_NOT || (a->hidden && !a->shown) ||
                 (tag == T_DIALOG && !a->open);
    int unseen = hidden || (!is_block && a->hints & HINT_UNSEEN);
    int spoken = unseen && comes(p, "<math"); /* the formula's text, beside its picture */
    if (spoken) hidden = unseen = 0;
    if (unseen && !hidden && (is_spoken_sign(p) || fills_cell(p))) unseen = 0;
    if (!is_block && (a->shown == SHOWN_BLOCK || a->part) && !(what->kind & (SKIP | SCOPE)) && tag != T_MATH)
        is_block = 1;
    if (!is_block && hidden && block_comes(p)) is_block = 1; /* a script may yet show it */
    int keeps_space = what->flag == F_PRE ||
                      (is_block && (a->pre || (a->keep > 1 && what->flag == F_CODE)));
    if (what->flag == F_PRE && a->keep == 1 + KEEP_NONE) keeps_space = 0;
    if (is_block && a->hints & HINT_CODE_LINE && tag != T_TD) keeps_space = 1;
    if (a->hints & HINT_CODE_BOX && tag == T_DIV) keeps_space = 1;
    int due = p->space != 0; /* a line that a table interrupts: may its text be moved there? */
    size_t blocks_before = p->block_count;
    int line_open = p->used > p->block_start && p->out[p->used - 1] != '\n' && !p->pre;
    if (is_block) boundary(p);
    if (a->hints & HINT_TWICE && tag == T_DIV) is_block = 0; /* its source may come right behind */
    if (p->failed) return;
    if (p->top >= p->max_depth) {
        p->capped_depth = 1;
        p->overflow++;
        return;
    }
    int index = p->top + 1;
    up = &p->stack[p->top];
    Open *open = &p->stack[index];
    int fostered = is_rows(up->tag) && !up->skip && !(tag >= T_TBODY && tag <= T_CAPTION) &&
                   tag != T_TEMPLATE && p->last_of[T_TABLE] > 0;
    *open = fostered ? p->stack[p->last_of[T_TABLE] - 1] : *up;
    if (fostered) {
        open->scope = up->scope;
        open->flow = ~p->last_of[T_TABLE];
        if (is_block) p->stack[~open->flow].line_open = 0;
    }
    open->fostered = (u8)fostered;
    open->in_rows = is_rows(tag) || (up->in_rows && !(tag >= T_TD && tag <= T_CAPTION) &&
                                     tag != T_TEMPLATE);
    open->vocabulary = open->integration = 0;
    open->html = index;
    if (is_block) open->above = open->block;
    open->tag = (u8)tag; open->is_block = (u8)is_block; open->alive = 1;
    open->link = 0; open->emitted = 0; open->container = -1; open->count = 0;
    open->saved = open->script = 0; open->grid = -1; open->column = 0; open->mark = p->used;
    open->ordinal = 0; open->html_start = (uint32_t)(tag_start - p->start);
    open->same = p->last_of[tag];
    p->last_of[tag] = index;
    p->top = index;
    uint64_t own = a->flags | (what->flag >= 0 ? BIT(what->flag) : 0);
    if (own & BIT(F_HEADER) && up->flags & (BIT(F_ARTICLE) | BIT(F_MAIN)))
        own |= BIT(F_ARTICLE_HEADER);
    if (own & BIT(F_FOOTER) && up->flags & (BIT(F_ARTICLE) | BIT(F_MAIN)))
        own |= BIT(F_ARTICLE_FOOTER);
    open->hidden = (u8)hidden;
    if (hidden && is_block) own |= BIT(F_HIDDEN);
    if (keeps_space) own |= BIT(F_PRE);
    else if (what->flag == F_PRE) own &= ~BIT(F_PRE);
    if (a->keep) open->keep = (u8)(a->keep - 1);
    else if (keeps_space && !(a->hints & HINT_CODE_BOX && tag == T_DIV)) open->keep = KEEP_ALL;
    if (tag == T_OL) own |= BIT(F_ORDERED);
    if (tag == T_UL || tag == T_MENU) open->flags &= ~BIT(F_ORDERED);
    if (tag == T_A && a->href) {
        open->link = 1;
        p->link++;
        if (!up->skip) {
            p->current.links++;
            p->current.hints_link |= a->hints;
        }
    }
    open->flags |= own;
    if (tag == T_B || tag == T_STRONG || IS_HEADING(tag)) p->bold++;
    if (is_block) {
        open->block = index;
        open->block_depth++;
        open->hints = a->hints;
        open->hints_any |= a->hints;
        open->hints_inline = 0;
    } else {
        open->hints_inline |= a->hints;
        if (unseen) open->skip = 1;
        if (tag == T_SUP || tag == T_SUB) open->script = tag == T_SUP ? 1 : 2;
        else if (a->script) open->script = (u8)a->script;
        if (p->current.inline_tags < 255) p->current.inline_tags++;
    }
    if (what->kind & SCOPE) open->scope = index;
    if (what->kind & SKIP && !(tag == T_TEMPLATE && a->shadow)) open->skip = 1;
    if (formula_ends_here(p)) { /* a rendering right behind the formula's source is a copy */
        int source = p->formula_source;
        if (a->hints & HINT_TWICE ? source != FROM_IMAGE
                                  : a->flags & BIT(F_ARIA_HIDDEN) && source == FROM_UNSEEN_MATH)
            open->skip = 1;
    }
    if (!open->skip) open->saved = (u8)save_place(p, tag, is_block, a);
    if (spoken) p->spoken = 1;
    if (keeps_space && is_block) p->pre = 1;
    if (a->hints & HINT_CODE_LINE && tag == T_TD && !open->skip) {
        if (!p->pre && open->table >= 0) code_table(p, open->table);
        open->keep = KEEP_ALL;
    }
    p->keep = open->keep;
    switch (tag) {
    case T_THEAD: case T_TBODY: case T_TFOOT:
        open->section = tag == T_THEAD ? 0 : tag == T_TBODY ? 1 : 2;
        grid_section(p, open);
        break;
    case T_UL: case T_OL: case T_MENU:
        open->list = index; open->list_depth++; open->item = -1;
        if (a->numbered) open->count = a->number - 1;
        if (a->reversed) {
            open->column = COUNTS_DOWN;
            open->tail = (int32_t)p->block_count;
            open->ordinal = a->numbered ? a->number : 0;
        }
        break;
    case T_LI:
        open->item = index;
        if (a->numbered && open->list >= 0) p->stack[open->list].count = a->number - 1;
        open->ordinal = open->list >= 0 ? ++p->stack[open->list].count : 0;
        break;
    case T_TABLE:
        open->table = index; open->row_entry = open->cell = open->item = open->list = -1;
        open->list_depth = 0;
        open->ordinal = (int32_t)p->tables++;
        open->tail = open->foster_tail =
            p->next ? *flow_tail(p, open->flow) : (int32_t)p->block_count;
        open->line_open = line_open && p->block_count > blocks_before;
        open->space_due = (u8)due;
        open->flow = index;
        open->section = 1;
        open->flags &= ~(BIT(F_CELL) | BIT(F_TABLE_HEADER));
        break;
    case T_TR:
        open->row_entry = index; open->cell = -1;
        open->ordinal = open->table >= 0 ? p->stack[open->table].count++ : 0;
        break;
    case T_TD: case T_TH:
        open->cell = index;
        open->ordinal = open->row_entry >= 0 ? p->stack[open->row_entry].count++ : 0;
        if (open->row_entry >= 0 && open->table >= 0)
            open->column = grid_cell(p, &p->stack[open->table], &p->stack[open->row_entry],
                                     a->columns, a->rows);
        break;
    default:
        if (a->part && is_block) table_part(p, index, a->part);
    }
}

static int is_direct(const Open *open) { /* what comes stands between the rows of a table */
    return is_rows(open->tag) && open->flow > 0;
}

/* What is no element is moved out of a table in one; returns whether it began. */
static int begin_moved(Page *p) {
    Attributes none = {0};
    int depth = p->top;
    if (is_direct(&p->stack[depth]) && !p->overflow && depth < p->max_depth)
        push(p, T_UNKNOWN, &none, p->at);
    return p->top > depth;
}

/* Text between the rows of a table, or in what is moved out of it: a run between two tags. */
static void moved_text(Page *p, const u8 *s, const u8 *end, int how) {
    Open *open = &p->stack[p->top];
    int32_t table = open->flow < 0 ? ~open->flow : open->flow;
    if (is_direct(open)) {
        const u8 *first = s;
        while (first < end && is_space(*first)) first++;
        if (first == end) return; /* white space stays where it is, and unseen */
    }
    if (p->used == p->block_start && table > 0 && is_space(*s)) p->stack[table].space_due = 1;
    int moved = begin_moved(p);
    text(p, s, end, how);
    if (moved) pop(p);
}

static int open_above(const Page *p, int tag, int floor) { /* stack index of an open tag, or -1 */
    return p->last_of[tag] > floor ? p->last_of[tag] : -1;
}

static int lowest(int a, int b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

/* Stack index of what a part of a table stands in; what is open above it ends there. */
static int place_in_table(const Page *p, int tag) {
    int index = p->last_of[T_TABLE];
    if (tag != T_TR && tag != T_TD && tag != T_TH) return index;
    for (int part = T_TBODY; part <= T_TFOOT; part++)
        if (p->last_of[part] > index) index = p->last_of[part];
    if (tag != T_TR && p->last_of[T_TR] > index) index = p->last_of[T_TR];
    return index;
}

/* Elements that need no end tags of their own; the standard ends them in some places only. */
static void imply_all(Page *p, int but) {
    for (;;) {
        int tag = p->stack[p->top].tag;
        if (tag == but || !(tag == T_P || tag == T_LI || tag == T_DT || tag == T_DD ||
                            tag == T_OPTION || tag == T_OPTGROUP || (tag >= T_RB && tag <= T_RP)))
            return;
        pop(p);
    }
}

/* End tags that a start tag implies though it begins no block. Returns 0 if it is ignored. */
static int imply_inline(Page *p, int tag) {
    int scope = p->stack[p->top].scope;
    switch (tag) {
    case T_RB: case T_RTC:
        if (p->last_of[T_RUBY] > scope) imply_all(p, -1);
        break;
    case T_RT: case T_RP:
        if (p->last_of[T_RUBY] > scope) imply_all(p, T_RTC);
        break;
    case T_OPTION: case T_OPTGROUP:
        if (p->last_of[T_SELECT] == scope && scope > 0)
            imply_all(p, tag == T_OPTION ? T_OPTGROUP : -1);
        else if (p->stack[p->top].tag == T_OPTION)
            pop(p);
        break;
    case T_SELECT: case T_INPUT: /* end the list of choices, and begin none */
        if (p->last_of[T_SELECT] != scope || scope <= 0) break;
        pop_to(p, p->last_of[T_SELECT]);
        return tag == T_INPUT;
    }
    return 1;
}

/* End tags that a start tag implies. */
static void imply_ends(Page *p, int tag) {
    int scope = p->stack[p->top].scope, index = -1;
    if (TAGS[tag].kind & CLOSES_P) {
        index = p->last_of[T_P];
        if (index > scope) pop_to(p, index);
    }
    switch (tag) {
    case T_LI: {
        int list = p->stack[p->top].list;
        index = open_above(p, T_LI, list > scope ? list : scope);
        break;
    }
    case T_DT: case T_DD: {
        int floor = p->last_of[T_DL] > scope ? p->last_of[T_DL] : scope;
        index = lowest(open_above(p, T_DT, floor), open_above(p, T_DD, floor));
        break;
    }
    case T_TABLE: /* a table between the rows of another ends that one */
        if (p->stack[p->top].in_rows) pop_to(p, p->last_of[T_TABLE]);
        return;
    case T_TBODY: case T_THEAD: case T_TFOOT: case T_CAPTION: case T_TR: case T_TD: case T_TH:
        pop_to(p, place_in_table(p, tag) + 1);
        return;
    case T_H1: case T_H2: case T_H3: case T_H4: case T_H5: case T_H6:
        if (IS_HEADING(p->stack[p->stack[p->top].block].tag)) index = p->stack[p->top].block;
        else index = -1;
        break;
    default: return;
    }
    if (index > 0) pop_to(p, index);
}

static void end_element(Page *p, int index) { /* an inline one only if no block goes on in it */
    const Open *open = &p->stack[index];
    int kind = TAGS[open->tag].kind;
    if (open->is_block || index > p->stack[p->top].block || kind & (SKIP | BLOCK))
        pop_to(p, index);
    else if (kind & FORMAT) kill(p, index);
}

static void end_tag(Page *p, int tag) {
    int kind = TAGS[tag].kind;
    if (tag == T_BR) { new_line(p); return; }
    if (kind & VOID) return;
    if (p->overflow > 0) {
        p->overflow--;
        if (kind & BLOCK) boundary(p);
        return;
    }
    int index = p->last_of[tag], scope = p->stack[p->top].scope;
    if (tag == T_P && p->last_of[T_P] < scope) break_rows(p); /* an empty paragraph */
    if (tag == T_TEMPLATE) scope = -1;
    if (IS_HEADING(tag))
        for (int t = T_H1; t <= T_H6; t++)
            if (p->last_of[t] > index) index = p->last_of[t];
    if (kind & BLOCK && p->last_of[T_TABLE] > 0 && tag >= T_TABLE && tag <= T_CAPTION)
        scope = p->last_of[p->last_of[T_TEMPLATE] > p->last_of[T_TABLE] ? T_TEMPLATE : T_TABLE];
    if (index < 0 || index < scope) {
        if (kind & BLOCK) boundary(p);
        return;
    }
    end_element(p, index);
}
