/* SVG and MathML inside HTML: their own rules for tags, and where HTML goes on in them. */
#include "_segment_elements.h"

enum { HTML, SVG, MATHML };

/* The tag as the foreign vocabulary knows it; names without a meaning of their own are one. */
static int foreign_tag(int vocabulary, int tag) {
    switch (tag) {
    case T_SVG: case T_MATH: case T_ANNOTATION: case T_ANNOTATION_XML: return tag;
    case T_FOREIGN: case T_DESC: case T_TITLE: return vocabulary == SVG ? tag : T_UNKNOWN;
    case T_MI: case T_MO: case T_MN: case T_MS: case T_MTEXT:
        return vocabulary == MATHML ? tag : T_UNKNOWN;
    }
    return T_UNKNOWN;
}

/* Whether start tags inside the element are foreign ones, too. */
static int in_foreign(const Open *open) { return open->vocabulary && !open->integration; }

static void leave_foreign(Page *p) { while (in_foreign(&p->stack[p->top])) pop(p); }

static int font_breaks_out(const u8 *s, const u8 *end) { /* a tag with color, face or size */
    for (; s < end; s++)
        if (is_space(*s) || *s == '/')
            for (int i = 0; i < 3; i++) {
                static const char *const names[] = {"color", "face", "size"};
                size_t n = strlen(names[i]), matched = 0;
                while (matched < n && (size_t)(end - s) > matched + 1 &&
                       (s[matched + 1] | 32) == (u8)names[i][matched])
                    matched++;
                if (matched == n && (size_t)(end - s) > n + 1 &&
                    (is_space(s[n + 1]) || s[n + 1] == '=' || s[n + 1] == '>' || s[n + 1] == '/'))
                    return 1;
            }
    return 0;
}

/* What a start tag is that comes inside foreign elements: an HTML tag that ends them, or one more
 * of them (`foreign` is then true). */
static int start_foreign(Page *p, int tag, const u8 *tag_start, int *foreign) {
    const Open *open = &p->stack[p->top];
    if (TRAITS[tag] & BREAKS || (tag == T_FONT && font_breaks_out(tag_start, p->at))) {
        leave_foreign(p);
        return tag;
    }
    *foreign = 1;
    return foreign_tag(open->vocabulary, tag);
}

/* The element just opened is a foreign one. */
static void mark_foreign(Page *p, const Attributes *a) {
    Open *open = &p->stack[p->top];
    const Open *up = open - 1;
    int tag = open->tag;
    open->vocabulary = tag == T_SVG ? SVG : tag == T_MATH ? MATHML : up->vocabulary;
    if (in_foreign(up)) open->vocabulary = up->vocabulary;
    if (up->tag == T_ANNOTATION_XML && tag == T_SVG) open->vocabulary = SVG;
    open->html = up->html;
    if (open->vocabulary == SVG)
        open->integration = tag == T_FOREIGN || tag == T_DESC || tag == T_TITLE;
    else
        open->integration = (tag >= T_MI && tag <= T_MTEXT) ||
                            (tag == T_ANNOTATION_XML && (same(a->encoding, "text/html") ||
                                                         same(a->encoding, "application/xhtml+xml")));
    if (open->integration || tag == T_ANNOTATION_XML) open->scope = p->top;
}

/* An end tag inside foreign elements; returns 1 if that was all about it. */
static int end_foreign(Page *p, int tag, Slice name) {
    if (tag == T_P || tag == T_BR) {
        leave_foreign(p);
        return 0;
    }
    for (int i = p->top; i > p->stack[p->top].html; i--) {
        const u8 *open = p->start + p->stack[i].html_start + 1;
        size_t n = 0;
        while (n < name.n && (name.at[n] == open[n] || (is_letter(open[n]) &&
                                                       (name.at[n] | 32) == (open[n] | 32))))
            n++;
        if (n < name.n || !(is_space(open[n]) || open[n] == '>' || open[n] == '/')) continue;
        pop_to(p, i);
        return 1;
    }
    return 0;
}
