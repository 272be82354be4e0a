/* Where a table's cells stand, by the HTML standard's table model: a cell takes the next column
 * that no cell above reaches into. Cells that span rows are looked at in GRID_WIDTH columns. */
#include "_segment_math.h"

static void grid_section(Page *p, const Open *open) { /* no cell reaches into another section */
    if (open->table >= 0 && p->stack[open->table].grid >= 0)
        memset(&p->grids[p->stack[open->table].grid], 0, sizeof(Grid));
}

static Grid *grid_of(Page *p, Open *table) { /* made when a cell first spans rows */
    if (table->grid < 0) {
        if (p->grid_count == p->grid_room) {
            size_t room = p->grid_room * 2 + 4;
            Grid *grown = realloc(p->grids, room * sizeof(Grid));
            if (!grown) { p->failed = 1; return NULL; }
            p->grids = grown; p->grid_room = room;
        }
        table->grid = (int32_t)p->grid_count++;
        memset(&p->grids[table->grid], 0, sizeof(Grid));
    }
    return &p->grids[table->grid];
}

/* The column of a cell that begins in a row; `columns` and `rows` are what it spans. */
static uint32_t grid_cell(Page *p, Open *table, Open *row, int columns, int rows) {
    uint32_t column = row->column, here = (uint32_t)row->ordinal;
    if (table->grid >= 0) {
        const Grid *grid = &p->grids[table->grid];
        while (column < GRID_WIDTH && grid->until[column] > here) column++;
    }
    if (columns < 1 || columns > 1000) columns = columns > 1000 ? 1000 : 1;
    row->column = column + (uint32_t)columns;
    if (rows != 1) { /* 0: to the end of its section */
        Grid *grid = grid_of(p, table);
        uint32_t until = rows < 1 ? UINT32_MAX : here + (uint32_t)rows;
        for (uint32_t i = column; grid && i < row->column && i < GRID_WIDTH; i++)
            grid->until[i] = until;
    }
    return column;
}
