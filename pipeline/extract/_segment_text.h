/* The state of a page under way, and text: white space, characters nobody sees, counts of a
 * finished block. The rows Block and Container leave the module; segment.py has their layouts. */
#include "_rows.h"
#include "_segment_names.h"

/* ---- the state of one page ---- */
typedef struct {
    uint64_t flags, hints, hints_any, hints_inline;
    int32_t same;      /* stack index of the next lower open element of this tag */
    int32_t block, scope, list, item, table, row_entry, cell; /* stack indices, -1 for none */
    int32_t container; /* row, -1 until there is text */
    uint32_t html_start;
    int32_t count, ordinal; /* children counted (items, rows, cells), own number */
    uint32_t column;    /* of a row: the grid's next free one */
    int32_t grid;       /* of a table: its row of Page.grids, -1 while no cell spans rows */
    size_t mark;        /* length of the text where it begins; of sub- and superscripts only */
    uint16_t list_depth, block_depth;
    u8 tag, is_block, alive, skip, link, emitted, hidden;
    u8 keep, script, saved, section; /* white space; 1 above or 2 below the line; Page.saved */
    int32_t above;      /* stack index of the block-level element that holds this one */
    int32_t html;       /* of the nearest HTML element, itself included */
    u8 vocabulary, integration; /* HTML, SVG or MathML; HTML goes on inside */
    u8 in_rows;         /* the innermost part of a table around is none that holds text */
    int32_t flow;       /* where its blocks go: see _segment_foster.h; then of tables: */
    int32_t tail, foster_tail;
    u8 fostered, line_open, space_due; /* moved out of a table; the line before the table */
} Open;

/* What white space does: collapses, stays as it is, or but for line breaks collapses. */
enum { KEEP_NONE, KEEP_ALL, KEEP_LINES };
/* What begins in a saved place: a line's number, a column of them, a button, a rendering. */
enum { S_NUMBERS = 1, S_COLUMN, S_BUTTON, S_RENDERING };

typedef struct { /* where an element begins that may turn out to be a copy */
    Block current;
    size_t used, block_start, block_count, container_count, formula_count;
    const u8 *text_end;
    int space, kind;
} Saved;
#define SAVED_MOST 8

typedef struct { size_t from, to; } Range; /* of the text */

#define GRID_WIDTH 256 /* columns of a table that are told apart */
typedef struct { uint32_t until[GRID_WIDTH]; } Grid; /* the row from which a column is free */

typedef struct { const u8 *at; size_t n; } Slice;
enum { FACT_TITLE, FACT_OG_TITLE, FACT_DESCRIPTION, FACT_SITE_NAME, FACT_TYPE, FACT_LANGUAGE,
       FACT_CANONICAL, FACTS };

typedef struct {
    const u8 *start, *end, *at;
    const uint16_t *moves; const uint64_t *masks; /* the hint automaton: 32 moves a state */
    Open *stack; int top, max_depth; int64_t overflow;
    int32_t last_of[256]; /* stack index of the innermost alive element of a tag */
    u8 *out; size_t used, room, block_start;
    int space, link, bold, xml; /* a space is due; alive links and bold elements; XML prolog */
    uint32_t pre;               /* open elements that keep white space */
    Block *blocks; size_t block_count, block_room, max_blocks;
    size_t *ends; size_t *starts;
    Container *containers; size_t container_count, container_room;
    Block current; const u8 *text_end; /* of the last block: where its markup-before begins */
    uint32_t tables; u8 break_next;
    int keep, broken;       /* the innermost element's white space; the due space is a line break */
    size_t indent, zero_width; /* length of the text up to an indentation, a zero-width space */
    Saved saved[SAVED_MOST]; int saved_count;
    Saved rendering; size_t rendering_end; /* the last rendering of a formula that was written */
    Range *formulas; size_t formula_count, formula_room;
    int formula_source, spoken; /* spoken: the formula that begins is one for screen readers */
    Range cuts[4]; int cut_count, sure_cut; /* buttons in the code that is under way */
    Grid *grids; size_t grid_count, grid_room;
    u8 *tex; size_t tex_used, tex_room; /* a formula that is being converted */
    Slice article; /* JSON-LD that holds an article's text */
    const u8 *math_end, *prefixed_end, *cdata_end; /* cached look-aheads */
    Slice facts[FACTS];
    int32_t *next, *before; u8 *joins; size_t order_room; /* the order of blocks: _segment_foster.h */
    u8 spoilt; /* a frameset comes too late */
    uint64_t body_hints; int capped_depth, capped_blocks, failed;
} Page;

/* What a start tag's attributes say. */
typedef struct {
    uint64_t hints, flags;
    int href, hidden, display, shadow, open, property, number, numbered, columns, rows;
    int keep, pre, shown, unseen, script, unselectable; /* by its style, see _segment_style.h */
    int part, reversed, readonly; /* part: of a table, by role or style */
    Slice content, alt, rel, link_to, type, encoding, source;
} Attributes;

enum { SPACE = 1, SPACE_OF_LINK };
enum { SHOWN_NOT = 1, SHOWN_INLINE, SHOWN_BLOCK }; /* by "display", 0 if it says nothing */
enum { PART_TABLE = 1, PART_ROW, PART_CELL };

/* Characters between which a line break of the source is nothing: East Asian wide, full- and
 * half-width ones, but for Hangul, which has spaces between words, and emoji. */
static int is_wide_character(uint32_t c) {
    return (c >= 0x2E80 && c < 0x3130) || (c >= 0x3190 && c < 0xA4D0) || (c >= 0xF900 && c < 0xFB00)
        || (c >= 0xFE30 && c < 0xFE70) || (c >= 0xFF01 && c < 0xFFA0) || (c >= 0xFFE0 && c < 0xFFEF)
        || (c >= 0x1B000 && c < 0x1B300) || (c >= 0x20000 && c < 0x40000);
}

static int is_wide(const u8 *s, const u8 *end) { /* the first character */
    if (end - s < 3 || s[0] < 0xE2) return 0;
    if (s[0] < 0xF0)
        return is_wide_character((s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u));
    return end - s >= 4 && is_wide_character((s[0] & 7u) << 18 | (s[1] & 63u) << 12 |
                                             (s[2] & 63u) << 6 | (s[3] & 63u));
}

static int is_wide_end(const u8 *start, const u8 *end) { /* the last character */
    const u8 *s = end;
    while (s > start && end - s < 4 && (*--s & 0xC0) == 0x80) {}
    return is_wide(s, end);
}

static int same(Slice s, const char *word) { /* equal but for case; word in lower case */
    size_t i = 0;
    for (; i < s.n && word[i]; i++)
        if ((s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] | 32 : s.at[i]) != (u8)word[i]) return 0;
    return i == s.n && !word[i];
}

static int reserve(Page *p, size_t more) {
    if (p->room - p->used >= more) return 1;
    size_t room = p->room * 2 + more;
    u8 *grown = realloc(p->out, room);
    if (!grown) { p->failed = 1; return 0; }
    p->out = grown; p->room = room;
    return 1;
}

static void append(Page *p, const u8 *s, size_t n) { /* visible characters, no white space */
    if (!reserve(p, n + 1)) return;
    if (p->used == p->block_start) {
        p->current.start = (uint32_t)(p->at - p->start);
    } else if (p->space && !(p->broken && is_wide_end(p->out + p->block_start, p->out + p->used) &&
                             is_wide(s, s + n))) {
        p->out[p->used++] = ' ';
        if (p->link && p->space == SPACE_OF_LINK) p->current.link_characters++;
    }
    p->space = 0;
    memcpy(p->out + p->used, s, n);
    p->used += n;
    if (p->link || p->bold) {
        uint32_t characters = 0;
        for (size_t i = 0; i < n; i++) characters += (s[i] & 0xC0) != 0x80;
        if (p->link) p->current.link_characters += characters;
        if (p->bold) p->current.bold_characters += characters;
    }
    p->current.hints_inline |= p->stack[p->top].hints_inline;
    p->current.flags |= p->stack[p->top].flags & INLINE_FLAGS;
}

static void put_space(Page *p, u8 c) {
    if (!reserve(p, 1)) return;
    if (p->used == p->block_start) p->current.start = (uint32_t)(p->at - p->start);
    p->space = 0;
    p->out[p->used++] = c;
}

static int in_indentation(const Page *p) {
    return p->used > p->block_start && p->indent == p->used;
}

/* White space: kept in code, else one space between words. A line break that came with it is
 * remembered, since between Chinese characters or kana it is nothing (CSS Text 3, 4.1.3). */
static void space(Page *p, u8 c) {
    if (p->keep == KEEP_ALL) {
        /* between a table's cells there is no white space to keep */
        if (p->pre && p->stack[p->top].tag >= T_TABLE && p->stack[p->top].tag <= T_TR) return;
        put_space(p, c == '\f' ? ' ' : c);
        return;
    }
    if (p->used == p->block_start) return;
    u8 last = p->out[p->used - 1];
    if (p->keep == KEEP_LINES && c == '\n') {
        put_space(p, c);
        return;
    }
    if (last == '\n' || (last == ' ' && p->indent != p->used)) return;
    if (c == '\n' && p->zero_width == p->used && !p->space) return;
    if (!p->space) {
        p->space = p->link ? SPACE_OF_LINK : SPACE;
        p->broken = 0;
    }
    if (c == '\n') p->broken = 1;
}

/* A no-break space is shown wherever it stands: at a line's beginning it indents, and in code it
 * aligns. Between words of prose it is a space like others: editors put them there by accident. */
static void hard_space(Page *p) {
    int begins = p->used == p->block_start || p->out[p->used - 1] == '\n';
    if (p->keep == KEEP_ALL) {
        put_space(p, ' ');
    } else if (begins || in_indentation(p)) {
        if (p->space) put_space(p, ' ');
        put_space(p, ' ');
        p->indent = p->used;
    } else if (p->stack[p->top].flags & BIT(F_CODE)) {
        if (p->space) put_space(p, ' ');
        put_space(p, ' ');
    } else {
        space(p, ' ');
    }
}

static void trim_indentation(Page *p) { /* of a line that has nothing else */
    if (in_indentation(p))
        while (p->used > p->block_start && p->out[p->used - 1] == ' ') p->used--;
}

static void line_break(Page *p) {
    if (p->pre) { put_space(p, '\n'); return; }
    trim_indentation(p);
    p->space = 0;
    if (p->used > p->block_start && p->out[p->used - 1] != '\n' && reserve(p, 1))
        p->out[p->used++] = '\n';
}

/* Spaces of other scripts become spaces; what no reader sees is left out. Returns the bytes of
 * the character at s, 0 if it is an ordinary one. */
static size_t special(Page *p, const u8 *s, const u8 *end) {
    size_t left = (size_t)(end - s);
    if (s[0] == 0xC2 && left > 1 && s[1] == 0xA0) { hard_space(p); return 2; }
    if (p->pre) return 0; /* code keeps every other character */
    if (s[0] == 0xC2 && left > 1) {
        if (s[1] == 0x85) { space(p, ' '); return 2; }
        if (s[1] < 0xA0) { /* a C1 control is Windows' sign, as in numeric references */
            u8 sign[4];
            append(p, sign, encode(CP1252[s[1] - 0x80], sign));
            return 2;
        }
        return s[1] == 0xAD ? 2 : 0; /* soft hyphen */
    }
    if (left < 3) return 0;
    unsigned c = (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
    if ((c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F) {
        space(p, ' ');
        return 3;
    }
    if (c == 0x3000) { /* ideographic space: part of the text, but not an indentation */
        int inside = p->used > p->block_start && p->out[p->used - 1] != '\n' && !p->space;
        if (inside || p->pre) append(p, s, 3);
        return 3;
    }
    if (c == 0x200B) { /* zero-width space: ends words in scripts of south-east Asia only */
        if (p->used - p->block_start >= 3 && !p->space) {
            const u8 *before = p->out + p->used - 3;
            if ((before[0] == 0xE0 && before[1] >= 0xB8) ||
                (before[0] == 0xE1 && (before[1] <= 0x82 || (before[1] & 0xFE) == 0x9E)))
                append(p, s, 3);
        }
        if (p->space && p->broken) p->space = 0; /* a line break beside it is nothing */
        p->zero_width = p->used;
        return 3;
    }
    if (c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || c == 0x2060 ||
        (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF || c == 0xFFFC || (c >= 0xE000 && c <= 0xF8FF))
        return 3; /* directions, joiners, byte-order marks, private use (icon fonts) */
    return 0;
}

/* How text() reads: character references, those in attributes, NUL as the standard's raw text. */
enum { DECODE = 1, ATTRIBUTE = 2, SHOW_NUL = 4 };

static void text(Page *p, const u8 *s, const u8 *end, int decode) {
    while (s < end) {
        const u8 *run = s;
        while (s < end && CLASS[*s] == C_TEXT) s++;
        if (s > run) append(p, run, (size_t)(s - run));
        if (s >= end) return;
        u8 c = *s;
        if (CLASS[c] == C_SPACE) {
            if (p->keep == KEEP_NONE) {
                u8 all = 0;
                do all |= *s++; while (s < end && CLASS[*s] == C_SPACE);
                space(p, all & 6 ? '\n' : ' '); /* bits of \n, \r and \f alone */
            } else { /* \r\n, \r and \n are one line break, as in the HTML standard */
                s++;
                if (c != '\r') space(p, c);
                else if (s == end || *s != '\n') space(p, '\n');
            }
        } else if (CLASS[c] == C_LEAD) {
            size_t n = special(p, s, end);
            if (!n) {
                n = c >= 0xE0 ? 3 : 2;
                if (n > (size_t)(end - s)) n = (size_t)(end - s);
                append(p, s, n);
            }
            s += n;
        } else if (CLASS[c] == C_AMP) {
            u8 value[8];
            size_t bytes = 0, taken = 0;
            if (decode & DECODE) taken = reference(s, end, value, &bytes, decode & ATTRIBUTE);
            if (!taken) append(p, s, 1);
            else if (value[0] != '\r') text(p, value, value + bytes, 0);
            else if (p->keep != KEEP_ALL) space(p, ' '); /* &#13; is a space, and no line break */
            s += taken ? taken : 1;
        } else { /* a control character */
            if (!c && decode & SHOW_NUL) append(p, (const u8 *)"\xEF\xBF\xBD", 3);
            else if (p->pre && c) append(p, s, 1);
            s++;
        }
    }
}

/* Counts over a finished block's text. */
static void measure(Block *b, const u8 *s, const u8 *end) {
    uint64_t hash = 0xCBF29CE484222325u;
    uint32_t of_kind[K_BULLET + 1] = {0}, words = 0, sentence_ends = 0;
    int in_word = 0, first = -1, last = K_OTHER;
    while (s < end) {
        uint32_t c = *s;
        int kind;
        if (c < 0x80) {
            kind = KIND[c];
            s++;
        } else {
            size_t n;
            c = decoded(s, end, &n);
            kind = kind_of(c);
            s += n;
        }
        hash = (hash ^ c) * 0x100000001B3u;
        of_kind[kind]++;
        if (kind == K_SPACE) { in_word = 0; continue; }
        words += !in_word;
        in_word = 1;
        sentence_ends += kind == K_STOP && last != K_STOP;
        if (first < 0) first = kind;
        if (kind != K_QUOTE) last = kind;
    }
    for (int kind = 0; kind <= K_BULLET; kind++) b->characters += of_kind[kind];
    b->words += words; b->sentence_ends += sentence_ends;
    b->uppercase += of_kind[K_UPPER]; b->cjk += of_kind[K_CJK];
    b->letters += of_kind[K_UPPER] + of_kind[K_LOWER] + of_kind[K_LETTER] + of_kind[K_CJK];
    b->digits += of_kind[K_DIGIT]; b->commas += of_kind[K_COMMA];
    b->text_hash = hash;
    b->starts = (u8)first;
    b->ends = (u8)last;
}
