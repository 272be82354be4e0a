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
    u8 *joins = realloc(p->joins, room);
    if (joins) p->joins = joins;
    if (!next || !joins) { p->failed = 1; return 0; }
    p->order_room = room;
    if (first) { /* up to here the order is that of the page */
        int32_t count = (int32_t)p->block_count - 1;
        for (int32_t i = 0; i < count; i++) next[i] = i + 1;
        next[count] = 0;
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
    p->next[before] = node;
    p->joins[node] = 0;
    *tail = node;
    if (flow >= 0) return;
    Open *table = &p->stack[~flow];
    if (table->tail == before) table->tail = node;
    if (table->line_open) p->joins[node] = table->space_due ? 2 : 1;
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

/* Several pieces of one line to one block, written behind all other text. */
static Block join(Page *p, const int32_t *nodes, size_t count, size_t *start, size_t *stop) {
    Block all = p->blocks[nodes[0] - 1];
    *start = p->used;
    for (size_t i = 0; i < count; i++) {
        size_t from = p->starts[nodes[i] - 1], n = p->ends[nodes[i] - 1] - from;
        if (!reserve(p, n + 1)) break;
        if (i && p->joins[nodes[i]] == 2) p->out[p->used++] = ' ';
        memcpy(p->out + p->used, p->out + from, n);
        p->used += n;
        if (!i) continue;
        const Block *b = &p->blocks[nodes[i] - 1];
        all.flags |= b->flags;
        all.hints_inline |= b->hints_inline; all.hints_link |= b->hints_link;
        all.link_characters += b->link_characters; all.bold_characters += b->bold_characters;
        all.links += b->links; all.images_before += b->images_before;
        all.line_breaks += b->line_breaks; all.tags_before += b->tags_before;
    }
    *stop = p->used;
    all.characters = all.words = all.letters = all.uppercase = all.digits = all.commas = 0;
    all.sentence_ends = all.cjk = 0;
    measure(&all, p->out + *start, p->out + *stop);
    all.flags &= ~BIT(F_LINK);
    if (all.link_characters && all.link_characters + all.links >= all.characters)
        all.flags |= BIT(F_LINK);
    return all;
}

/* At the page's end: blocks in their order, lines joined. */
static void order_blocks(Page *p) {
    if (!p->next) return;
    size_t count = p->block_count, done = 0, at = 0;
    Block *blocks = malloc(count * sizeof(Block));
    size_t *starts = malloc(count * sizeof(size_t)), *ends = malloc(count * sizeof(size_t));
    int32_t *nodes = malloc(count * sizeof(int32_t));
    if (!blocks || !starts || !ends || !nodes) {
        p->failed = 1;
        free(blocks); free(starts); free(ends);
    } else {
        for (int32_t node = p->next[0]; node; node = p->next[node]) nodes[at++] = node;
        for (size_t i = 0; i < at; done++) {
            size_t pieces = 1;
            while (i + pieces < at && p->joins[nodes[i + pieces]]) pieces++;
            int32_t b = nodes[i] - 1;
            if (pieces > 1) blocks[done] = join(p, nodes + i, pieces, starts + done, ends + done);
            else blocks[done] = p->blocks[b], starts[done] = p->starts[b], ends[done] = p->ends[b];
            i += pieces;
        }
        free(p->blocks); free(p->starts); free(p->ends);
        p->blocks = blocks; p->starts = starts; p->ends = ends; p->block_count = done;
        for (size_t i = 0; i < p->container_count; i++) p->containers[i].first_block = INT32_MAX;
        for (size_t i = done; i-- > 0;) p->containers[blocks[i].container].first_block = (int32_t)i;
        for (size_t i = p->container_count; i-- > 1;) { /* children stand behind their parents */
            const Container *c = &p->containers[i];
            Container *up = &p->containers[c->parent];
            if (c->first_block < up->first_block) up->first_block = c->first_block;
        }
    }
    free(nodes);
}
