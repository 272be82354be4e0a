/* Text between the rows of a table, which the standard moves before the table ("foster parenting").
 *
 * Blocks are written as they come. From the first moved one on, a linked list holds their order:
 * each table has the place where what belongs in it is added and, before that, the place where
 * what is moved out of it is. The page's end brings the blocks into this order and joins those
 * that stand in one line. A page without such text never has the list.
 */
#include "_segment_text.h"

/* Nodes of the list are blocks counted from 1; 0 stands before all of them. A flow is the stack
 * index of the table (or root) that blocks are added to; its complement, what is moved out. */
static int32_t *flow_tail(Page *p, int32_t flow) {
    return flow >= 0 ? &p->stack[flow].tail : &p->stack[~flow].foster_tail;
}

static int is_rows(int tag) { return tag >= T_TABLE && tag <= T_TR; } /* no place for text */

static int reserve_order(Page *p) {
    if (p->next && p->block_count < p->order_room) return 1;
    int first = p->next == NULL;
    size_t room = p->block_count * 2 + 64;
    int32_t *next = realloc(p->next, room * sizeof(int32_t));
    if (next) p->next = next;
    int32_t *before = realloc(p->before, room * sizeof(int32_t));
    if (before) p->before = before;
    u8 *joins = realloc(p->joins, room);
    if (joins) p->joins = joins;
    if (!next || !before || !joins) { p->failed = 1; return 0; }
    p->order_room = room;
    if (first) { /* up to here the order is that of the page */
        int32_t count = (int32_t)p->block_count - 1;
        for (int32_t i = 0; i < count; i++) next[i] = i + 1, before[i + 1] = i;
        next[count] = 0;
        before[0] = count;
        memset(joins, 0, (size_t)count + 1);
        for (int i = 0; i <= p->top; i++)
            if (p->stack[i].flow == i) p->stack[i].tail = count;
    }
    return 1;
}

/* The last block gets its place. */
static void place(Page *p) {
    int32_t flow = p->stack[p->top].flow, node = (int32_t)p->block_count;
    if ((flow >= 0 && !p->next) || !reserve_order(p)) return;
    int32_t *tail = flow_tail(p, flow), before = *tail;
    p->next[node] = p->next[before];
    p->before[node] = before;
    p->before[p->next[node]] = node;
    p->next[before] = node;
    p->joins[node] = 0;
    *tail = node;
    if (flow >= 0) return;
    Open *table = &p->stack[~flow];
    if (table->tail == before) table->tail = node;
    if (table->line_open) p->joins[node] = table->space_due ? 2 : 1;
}

/* Blocks from the given number on are taken back: they lose their places. */
static void unplace(Page *p, size_t count) {
    if (!p->next) return;
    for (int i = 0; i <= p->top; i++) {
        Open *table = &p->stack[i];
        if (table->flow != i) continue;
        int32_t tail = table->foster_tail;
        while (table->tail > (int32_t)count) table->tail = p->before[table->tail];
        while (table->foster_tail > (int32_t)count)
            table->foster_tail = p->before[table->foster_tail];
        if (tail != table->foster_tail) table->line_open = 0;
    }
    for (size_t node = p->block_count; node > count; node--) {
        p->next[p->before[node]] = p->next[node];
        p->before[p->next[node]] = p->before[node];
    }
}

/* A line of what is moved out of the table ends. */
static void close_line(Page *p) {
    int32_t flow = p->stack[p->top].flow;
    if (flow < 0) p->stack[~flow].line_open = 0;
}

/* What ends a line stands between the rows of a table, or in what is moved out of it. */
static void break_rows(Page *p) {
    close_line(p);
    const Open *open = &p->stack[p->top];
    if (is_rows(open->tag)) p->stack[open->table].line_open = 0;
}

/* A table ends: what holds it goes on behind it. */
static void close_flow(Page *p, int index) {
    if (!p->next) return;
    int32_t flow = p->stack[index - 1].flow, *tail = flow_tail(p, flow), before = *tail;
    *tail = p->stack[index].tail;
    if (flow < 0 && p->stack[~flow].tail == before) p->stack[~flow].tail = *tail;
}

/* Another piece of a line. */
static void join(Block *line, const Block *b) {
    line->flags |= b->flags;
    line->hints_inline |= b->hints_inline; line->hints_link |= b->hints_link;
    line->link_characters += b->link_characters; line->bold_characters += b->bold_characters;
    line->links += b->links; line->images_before += b->images_before;
    line->line_breaks += b->line_breaks; line->tags_before += b->tags_before;
}

static void count_again(Block *line, const u8 *s, const u8 *end) { /* its pieces are joined */
    line->characters = line->words = line->letters = line->uppercase = line->digits = 0;
    line->commas = line->sentence_ends = line->cjk = 0;
    measure(line, s, end);
    line->flags &= ~BIT(F_LINK);
    if (line->link_characters && line->link_characters + line->links >= line->characters)
        line->flags |= BIT(F_LINK);
}

/* Formulas between two places of the old text, which now begins at `at`. */
static size_t move_formulas(const Page *p, size_t from, size_t to, size_t at, Range *formulas) {
    size_t low = 0, high = p->formula_count, count = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->formulas[middle].from < from) low = middle + 1;
        else high = middle;
    }
    for (; low < p->formula_count && p->formulas[low].to <= to; low++) {
        Range f = p->formulas[low];
        formulas[count++] = (Range){f.from - from + at, f.to - from + at};
    }
    return count;
}

/* At the page's end: blocks, their text and the formulas in it in their order, lines joined. */
static void order_blocks(Page *p) {
    if (!p->next) return;
    size_t count = p->block_count, done = 0, used = 0, found = 0;
    Block *blocks = malloc(count * sizeof(Block) + 1);
    size_t *starts = malloc(count * sizeof(size_t) + 1), *ends = malloc(count * sizeof(size_t) + 1);
    u8 *out = malloc(p->used + count + 1);
    Range *formulas = malloc((p->formula_count + 1) * sizeof(Range));
    if (!blocks || !starts || !ends || !out || !formulas) {
        p->failed = 1;
        free(blocks); free(starts); free(ends); free(out); free(formulas);
        return;
    }
    for (int32_t node = p->next[0], pieces = 0; node; node = p->next[node]) {
        const Block *b = &p->blocks[node - 1];
        size_t from = p->starts[node - 1], to = p->ends[node - 1];
        pieces = done && p->joins[node] ? pieces + 1 : 1;
        if (pieces == 1) {
            blocks[done] = *b;
            starts[done++] = used;
        } else {
            join(&blocks[done - 1], b);
            if (p->joins[node] == 2) out[used++] = ' ';
        }
        memcpy(out + used, p->out + from, to - from);
        found += move_formulas(p, from, to, used, formulas + found);
        ends[done - 1] = used += to - from;
        int32_t after = p->next[node];
        if (pieces > 1 && !(after && p->joins[after]))
            count_again(&blocks[done - 1], out + starts[done - 1], out + used);
    }
    free(p->blocks); free(p->starts); free(p->ends); free(p->out); free(p->formulas);
    p->blocks = blocks; p->starts = starts; p->ends = ends; p->block_count = done;
    p->out = out; p->used = p->room = used;
    p->formulas = formulas; p->formula_count = found; p->formula_room = p->formula_count + 1;
    for (size_t i = 0; i < p->container_count; i++) p->containers[i].first_block = INT32_MAX;
    for (size_t i = done; i-- > 0;) p->containers[blocks[i].container].first_block = (int32_t)i;
    for (size_t i = p->container_count; i-- > 1;) { /* children stand behind their parents */
        const Container *c = &p->containers[i];
        Container *up = &p->containers[c->parent];
        if (c->first_block < up->first_block) up->first_block = c->first_block;
    }
}
