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
    uint16_t list_depth, block_depth;
    u8 tag, is_block, alive, skip, link, emitted, tex, hidden;
    int32_t above;      /* stack index of the block-level element that holds this one */
    int32_t html;       /* of the nearest HTML element, itself included */
    u8 vocabulary, integration; /* HTML, SVG or MathML; HTML goes on inside */
    u8 in_rows;         /* the innermost part of a table around is none that holds text */
    int32_t flow;       /* where its blocks go: see _segment_foster.h; then of tables: */
    int32_t tail, foster_tail;
    u8 fostered, line_open, space_due; /* moved out of a table; the line before the table */
} Open;

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
    const u8 *math_end, *tex_next, *cdata_end; /* cached look-aheads */
    Slice facts[FACTS];
    int32_t *next; u8 *joins; size_t order_room; /* the order of blocks: _segment_foster.h */
    u8 spoilt; /* a frameset comes too late */
    uint64_t body_hints; int capped_depth, capped_blocks, failed;
} Page;

/* What a start tag's attributes say. */
typedef struct {
    uint64_t hints, flags;
    int href, hidden, pre, display, tex, shadow, open, property, number, numbered;
    Slice content, alt, rel, link_to, type, encoding;
} Attributes;

enum { SPACE = 1, SPACE_OF_LINK };

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
    } else if (p->space) {
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

static void space(Page *p, u8 c) { /* white space: kept in code, else one space between words */
    if (!p->pre) {
        if (p->used > p->block_start && p->out[p->used - 1] != '\n' && !p->space)
            p->space = p->link ? SPACE_OF_LINK : SPACE;
        return;
    }
    if (c == '\r' || !reserve(p, 1)) return; /* \r\n and \n alike; a lone \r is rare */
    if (c == '\f') c = ' ';
    if (p->used == p->block_start) p->current.start = (uint32_t)(p->at - p->start);
    p->out[p->used++] = c;
}

static void line_break(Page *p) {
    if (p->pre) { space(p, '\n'); return; }
    p->space = 0;
    if (p->used > p->block_start && p->out[p->used - 1] != '\n' && reserve(p, 1))
        p->out[p->used++] = '\n';
}

/* Spaces of other scripts become spaces; what no reader sees is left out. Returns the bytes of
 * the character at s, 0 if it is an ordinary one. */
static size_t special(Page *p, const u8 *s, const u8 *end) {
    size_t left = (size_t)(end - s);
    if (s[0] == 0xC2 && left > 1) {
        if (s[1] == 0xA0 || s[1] == 0x85) { space(p, ' '); return 2; }
        return s[1] == 0xAD || s[1] < 0xA0 ? 2 : 0; /* soft hyphen, C1 controls */
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
            if (!p->pre) {
                do s++; while (s < end && CLASS[*s] == C_SPACE);
                space(p, ' ');
            } else {
                space(p, c);
                s++;
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
            if (taken) text(p, value, value + bytes, 0);
            else append(p, s, 1);
            s += taken ? taken : 1;
        } else {
            if (!c && decode & SHOW_NUL) append(p, (const u8 *)"\xEF\xBF\xBD", 3);
            s++; /* a control character */
        }
    }
}

/* A formula's TeX between dollar signs, two for one that stands in a line of its own. */
static void formula(Page *p, const u8 *s, const u8 *end, int dollars, int decode) {
    while (s < end && is_space(*s)) s++;
    while (end > s && is_space(end[-1])) end--;
    if (s == end) return;
    append(p, (const u8 *)"$$", (size_t)dollars);
    text(p, s, end, decode);
    p->space = 0;
    append(p, (const u8 *)"$$", (size_t)dollars);
}

/* Counts over a finished block's text. */
static void measure(Block *b, const u8 *s, const u8 *end) {
    uint64_t hash = 0xCBF29CE484222325u;
    int in_word = 0, first = -1, last = K_OTHER;
    while (s < end) {
        uint32_t c = *s;
        size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (n > (size_t)(end - s)) n = (size_t)(end - s);
        if (n == 2) c = (c & 31) << 6 | (s[1] & 63u);
        else if (n == 3) c = (c & 15) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
        else if (n == 4)
            c = (c & 7) << 18 | (s[1] & 63u) << 12 | (s[2] & 63u) << 6 | (s[3] & 63u);
        hash = (hash ^ c) * 0x100000001B3u;
        s += n;
        int kind = kind_of(c);
        b->characters++;
        if (kind == K_SPACE) { in_word = 0; continue; }
        if (!in_word) { b->words++; in_word = 1; }
        switch (kind) {
        case K_UPPER: b->uppercase++; b->letters++; break;
        case K_LOWER: case K_LETTER: b->letters++; break;
        case K_CJK: b->cjk++; b->letters++; break;
        case K_DIGIT: b->digits++; break;
        case K_COMMA: b->commas++; break;
        case K_STOP: if (last != K_STOP) b->sentence_ends++; break;
        }
        if (first < 0) first = kind;
        if (kind != K_QUOTE) last = kind;
    }
    b->text_hash = hash;
    b->starts = (u8)first;
    b->ends = (u8)last;
}
