/* A page's HTML to blocks of text with raw attributes: one forward pass, no tree, no recursion.
 *
 * The tokenizer follows the HTML standard where pages need it (raw text, comments, implied end
 * tags, scopes, formatting elements that outlive blocks) and forgives everything else. A stack of
 * open elements, capped in depth, carries what the text below inherits: flags, hints of class
 * names, link, list and table position. Text goes into one buffer; a block ends where a browser
 * would begin a new line of boxes. Each look-ahead is cached or consumes what it saw, so time is
 * linear in the page whatever it holds. Layouts of Block and Container are repeated in segment.py.
 */
#include "_segment_drawn.h"

/* ================= attributes ================= */

static uint64_t hints_of(const Page *p, Slice s) {
    uint64_t mask = 0;
    unsigned state = p->moves[0];
    u8 before = 0;
    if (s.n > 1024) s.n = 1024;
    for (size_t i = 0; i < s.n; i++) {
        u8 c = s.at[i];
        if (c >= 'A' && c <= 'Z' && before >= 'a' && before <= 'z') {
            state = p->moves[state * 32];
            mask |= p->masks[state];
        }
        state = p->moves[state * 32 + SYMBOL[c]];
        mask |= p->masks[state];
        before = c;
    }
    return mask | p->masks[p->moves[state * 32]];
}

static int holds(Slice s, const char *word) { /* holds the word, case and spaces aside */
    size_t n = strlen(word), limit = s.n > 4096 ? 4096 : s.n, matched = 0, from = 0;
    for (size_t i = 0; i < limit; i++) {
        u8 c = s.at[i];
        if (is_space(c)) continue;
        if ((c | 32) == (u8)(word[matched] | 32)) {
            if (matched++ == 0) from = i;
            if (matched == n) return 1;
        } else if (matched) {
            i = from;
            matched = 0;
        }
    }
    return 0;
}

static int number_of(Slice s, int *number) { /* a small whole number */
    int negative = s.n && s.at[0] == '-', found = 0;
    *number = 0;
    for (size_t i = (size_t)negative; i < s.n && i < 7 && (u8)(s.at[i] - '0') < 10; i++, found = 1)
        *number = *number * 10 + s.at[i] - '0';
    if (negative) *number = -*number;
    return found;
}

static const struct { const char *role; int flag; } ROLES[] = {
    {"main", F_MAIN}, {"navigation", F_NAV}, {"article", F_ARTICLE}, {"banner", F_HEADER},
    {"contentinfo", F_FOOTER}, {"complementary", F_ASIDE}, {"button", F_BUTTON}, {"menu", F_NAV},
    {"dialog", F_DIALOG}, {"alertdialog", F_DIALOG}, {"search", F_FORM}, {"form", F_FORM},
};

static const struct { const char *role; int part; } PARTS[] = {
    {"table", PART_TABLE}, {"grid", PART_TABLE}, {"row", PART_ROW}, {"cell", PART_CELL},
    {"gridcell", PART_CELL}, {"columnheader", PART_CELL}, {"rowheader", PART_CELL},
};

static const struct { const char *name; int fact; } METAS[] = {
    {"og:title", FACT_OG_TITLE}, {"og:site_name", FACT_SITE_NAME}, {"og:type", FACT_TYPE},
    {"description", FACT_DESCRIPTION}, {"og:description", FACT_DESCRIPTION},
};

static void attribute(Page *p, int tag, Slice name, Slice value, Attributes *a) {
    switch (name.at[0] | 32) {
    case 'c':
        if (same(name, "class")) {
            a->hints |= hints_of(p, value);
            if (same(value, "sup") || same(value, "superscript")) a->script = 1;
            else if (same(value, "subscript")) a->script = 2;
        } else if (same(name, "content")) a->content = value;
        else if ((tag == T_TD || tag == T_TH) && same(name, "colspan"))
            number_of(value, &a->columns);
        break;
    case 'i':
        if (same(name, "id") || same(name, "itemprop") || same(name, "itemtype"))
            a->hints |= hints_of(p, value);
        break;
    case 'r':
        if (same(name, "role")) {
            a->hints |= hints_of(p, value);
            for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++)
                if (same(value, ROLES[i].role)) a->flags |= BIT(ROLES[i].flag);
            for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
                if (same(value, PARTS[i].role)) a->part = PARTS[i].part;
        } else if (same(name, "rel")) {
            a->rel = value;
            a->hints |= hints_of(p, value);
        } else if ((tag == T_TD || tag == T_TH) && same(name, "rowspan")) {
            if (!number_of(value, &a->rows) || a->rows < 0) a->rows = 1;
        } else if (same(name, "reversed")) a->reversed = tag == T_OL;
        else if (same(name, "readonly")) a->readonly = 1;
        break;
    case 'a':
        if (same(name, "aria-hidden")) {
            if (same(value, "true")) a->flags |= BIT(F_ARIA_HIDDEN);
        } else if (same(name, "aria-label")) a->hints |= hints_of(p, value);
        else if (same(name, "alt") || same(name, "alttext")) a->alt = value;
        break;
    case 'd':
        if (same(name, "data-testid") || same(name, "data-component") ||
            same(name, "data-module") || same(name, "data-type") ||
            same(name, "data-component-name") || same(name, "data-qa") ||
            same(name, "data-role") || same(name, "data-test-id") || same(name, "data-block"))
            a->hints |= hints_of(p, value);
        else if (tag == T_MATH && same(name, "display")) a->display = same(value, "block");
        else if (tag == T_IMG && same(name, "data-src")) a->source = value;
        break;
    case 'h':
        if (same(name, "href")) {
            a->href = value.n > 0 && tag != T_LINK;
            a->link_to = value;
            if (tag == T_A) {
                if (value.n > 300) value.n = 300;
                a->hints |= hints_of(p, value);
            }
        } else if (same(name, "hidden")) {
            a->hidden = !same(value, "false") && !same(value, "until-found");
        }
        break;
    case 's':
        if (same(name, "style")) {
            style(value, a);
        } else if (same(name, "start")) {
            a->numbered = tag == T_OL && number_of(value, &a->number);
        } else if (same(name, "shadowrootmode") || same(name, "shadowroot")) {
            a->shadow = 1;
        } else if (tag == T_IMG && same(name, "src") && !a->source.n) {
            a->source = value;
        }
        break;
    case 'e':
        if (same(name, "encoding")) a->encoding = value;
        break;
    case 'v':
        if (same(name, "value")) a->numbered = tag == T_LI && number_of(value, &a->number);
        break;
    case 'o':
        if (same(name, "open")) a->open = 1;
        break;
    case 't':
        if (same(name, "type")) a->type = value;
        break;
    case 'p': case 'n':
        if (tag == T_META && (same(name, "property") || same(name, "name")))
            for (size_t i = 0; i < sizeof(METAS) / sizeof(METAS[0]); i++)
                if (same(value, METAS[i].name)) a->property = METAS[i].fact + 1;
        break;
    case 'l':
        if (tag == T_HTML && (same(name, "lang")) && !p->facts[FACT_LANGUAGE].n)
            p->facts[FACT_LANGUAGE] = value;
        break;
    }
}

/* The attributes of the tag at p->at; leaves p->at behind its '>'. Returns 0 at the page's end. */
static int attributes(Page *p, int tag, Attributes *a, int *closed) {
    const u8 *s = p->at, *end = p->end;
    *closed = 0;
    for (;;) {
        while (s < end && (is_space(*s) || *s == '/')) *closed = *s++ == '/';
        if (s >= end) return 0;
        if (*s == '>') break;
        *closed = 0;
        const u8 *from = s++; /* the first may even be '=' */
        while (s < end && !is_space(*s) && *s != '/' && *s != '>' && *s != '=') s++;
        Slice name = {from, (size_t)(s - from)}, value = {from, 0};
        while (s < end && is_space(*s)) s++;
        if (s < end && *s == '=') {
            s++;
            while (s < end && is_space(*s)) s++;
            if (s >= end) return 0;
            if (*s == '"' || *s == '\'') {
                const u8 *close = memchr(s + 1, *s, (size_t)(end - s - 1));
                if (!close) return 0;
                value = (Slice){s + 1, (size_t)(close - s - 1)};
                s = close + 1;
            } else {
                from = s;
                while (s < end && !is_space(*s) && *s != '>') s++;
                value = (Slice){from, (size_t)(s - from)};
            }
        }
        if (a) attribute(p, tag, name, value, a);
    }
    p->at = s + 1;
    return 1;
}

/* ================= the tokenizer ================= */

static const u8 *find(const u8 *from, const u8 *end, const char *word) { /* case aside */
    size_t n = strlen(word);
    while (from < end && (from = memchr(from, word[0], (size_t)(end - from)))) {
        if ((size_t)(end - from) < n) return NULL;
        if (same((Slice){from, n}, word)) return from;
        from++;
    }
    return NULL;
}

/* Where the word comes next: found once, remembered until passed; `end` if it comes no more. */
static const u8 *ahead(Page *p, const u8 **cache, const char *word) {
    if (*cache == NULL || *cache < p->at) {
        const u8 *found = find(p->at, p->end, word);
        *cache = found ? found : p->end;
    }
    return *cache;
}

static int ends_name(const u8 *s, const u8 *end) { /* a tag's name, of what is raw text */
    return s < end && (is_space(*s) || *s == '>' || *s == '/');
}

/* The end tag of a script, or NULL. In a comment, <script> and </script> come in pairs. */
static const u8 *script_end(const u8 *s, const u8 *end) {
    enum { PLAIN, ESCAPED, DOUBLE_ESCAPED } state = PLAIN;
    for (; s < end; s++) {
        if (state == PLAIN) {
            s = memchr(s, '<', (size_t)(end - s));
            if (!s) return NULL;
        }
        size_t left = (size_t)(end - s);
        if (*s == '-') {
            if (left > 2 && s[1] == '-' && s[2] == '>') state = PLAIN;
        } else if (*s != '<') {
            continue;
        } else if (state == PLAIN && left > 3 && !memcmp(s, "<!--", 4)) {
            state = ESCAPED;
            s++; /* its dashes may be those of "-->" */
        } else if (left > 8 && s[1] == '/' && same((Slice){s + 2, 6}, "script")) {
            if (!ends_name(s + 8, end)) continue;
            if (state != DOUBLE_ESCAPED) return s;
            state = ESCAPED;
        } else if (state == ESCAPED && left > 7 && same((Slice){s + 1, 6}, "script")) {
            if (ends_name(s + 7, end)) state = DOUBLE_ESCAPED;
        }
    }
    return NULL;
}

static int is_tex(Slice alt) { /* says so by its delimiters */
    return (*alt.at == '$' || *alt.at == '\\') && bare_tex(&alt);
}

static void raw_text(Page *p, int tag, const Attributes *a, int skip) {
    const u8 *from = p->at, *to = NULL;
    char word[16] = "</";
    size_t n = strlen(TAGS[tag].name);
    memcpy(word + 2, TAGS[tag].name, n + 1);
    if (tag == T_SCRIPT) to = script_end(from, p->end);
    else if (tag != T_PLAINTEXT)
        for (to = from; (to = find(to, p->end, word)); to += n + 2)
            if (ends_name(to + n + 2, p->end)) break;
    const u8 *stop = to ? to : p->end;
    p->at = stop;
    if (tag == T_TITLE && !skip && !p->facts[FACT_TITLE].n)
        p->facts[FACT_TITLE] = (Slice){from, (size_t)(stop - from)};
    if (tag == T_SCRIPT && !skip && a->type.n && holds(a->type, "math/tex"))
        formula(p, (Slice){from, (size_t)(stop - from)}, holds(a->type, "mode=display") ? 2 : 1, 0,
                FROM_SCRIPT);
    else if (tag == T_SCRIPT && (size_t)(stop - from) > p->article.n && a->type.n &&
             holds(a->type, "ld+json") && find(from, stop, "\"articlebody\""))
        p->article = (Slice){from, (size_t)(stop - from)};
    int shown = a->readonly && !strcmp(TAGS[tag].name, "textarea"); /* text to be copied */
    if ((TAGS[tag].flag == F_PRE || shown) && !skip) {
        push(p, T_PRE, a, from);
        text(p, from, stop, shown ? DECODE : SHOW_NUL);
        if (p->overflow) p->overflow--;
        else pop(p);
    }
    if (to) {
        p->at = to + n + 2;
        int closed;
        if (!attributes(p, tag, NULL, &closed)) p->at = p->end;
    }
}

static const u8 *end_of_math(Page *p, const u8 *tag_start) { /* its end tag */
    if ((tag_start[1] | 32) == 'm' && tag_start[5] != ':' && same((Slice){tag_start + 1, 4}, "math"))
        return ahead(p, &p->math_end, "</math");
    const u8 *at = ahead(p, &p->prefixed_end, ":math"); /* </mml:math> */
    while (at < p->end && at > p->at && *at != '<') at--;
    return at;
}

static void start_tag(Page *p, int tag, const u8 *tag_start) {
    Attributes a = {0};
    a.rows = 1;
    int closed, kind = TAGS[tag].kind, skip = p->stack[p->top].skip;
    if (!attributes(p, tag, &a, &closed)) { p->at = p->end; return; }
    p->current.tags_before++;
    int foreign = 0;
    if (in_foreign(&p->stack[p->top])) {
        tag = start_foreign(p, tag, tag_start, &foreign);
        kind = foreign ? INLINE : TAGS[tag].kind;
        skip = p->stack[p->top].skip;
    } else if (tag == T_IMAGE) {
        tag = T_IMG;
    }
    if (!foreign) {
        if (TRAITS[tag] & SPOILS && !(tag == T_INPUT && same(a.type, "hidden"))) p->spoilt = 1;
        if (!imply_inline(p, tag)) return;
        skip = p->stack[p->top].skip;
    }
    if (kind & VOID) {
        switch (tag) {
        case T_BR:
            if (!p->pre) trim_indentation(p);
            if (!p->pre && p->used > p->block_start && p->out[p->used - 1] == '\n') flush(p);
            if (p->used == p->block_start && p->break_next < 255) p->break_next++;
            if (!skip) new_line(p);
            break;
        case T_FRAMESET: /* in a page that has shown nothing: it has frames instead of text */
            if (p->spoilt || p->block_count || p->used > p->block_start) break;
            pop_to(p, 1);
            p->stack[0].skip = 1;
            break;
        case T_HR:
            imply_ends(p, T_DIV);
            boundary(p);
            break_rows(p);
            p->current.flags |= BIT(F_BEFORE_RULE);
            break;
        case T_IMG:
            p->current.images_before++;
            if (!skip && a.alt.n && a.hints & HINT_GLYPH)
                moved_text(p, a.alt.at, a.alt.at + a.alt.n, DECODE | ATTRIBUTE);
            if (!skip && tex_of_address(p, a.source)) a.alt = (Slice){p->tex, p->tex_used};
            else if (!(a.alt.n && (a.hints & HINT_FORMULA || is_tex(a.alt)))) break;
            if (!skip) {
                int moved = begin_moved(p);
                formula(p, a.alt, 1, DECODE | ATTRIBUTE, FROM_IMAGE);
                if (moved) pop(p);
            }
            break;
        case T_META:
            if (a.property && !p->facts[a.property - 1].n) p->facts[a.property - 1] = a.content;
            break;
        case T_LINK:
            if (same(a.rel, "canonical") && !p->facts[FACT_CANONICAL].n)
                p->facts[FACT_CANONICAL] = a.link_to;
            break;
        case T_BODY: p->body_hints |= a.hints; break;
        }
        return;
    }
    if (kind & RAW) {
        if (!(closed && p->xml)) raw_text(p, tag, &a, skip);
        return;
    }
    if (tag >= T_TBODY && tag <= T_CAPTION && !foreign &&
        (p->last_of[T_TABLE] < 0 || p->last_of[T_TEMPLATE] > p->last_of[T_TABLE])) {
        boundary(p); /* a cell without a table */
        return;
    }
    if (kind & BLOCK) imply_ends(p, tag);
    if (tag == T_FORM && (p->last_of[T_FORM] >= 0 || p->stack[p->top].in_rows)) return;
    if (tag == T_BUTTON && p->last_of[T_BUTTON] > p->stack[p->top].scope)
        pop_to(p, p->last_of[T_BUTTON]);
    if (tag == T_A && p->last_of[T_A] > p->stack[p->top].scope)
        end_element(p, p->last_of[T_A]);
    if (closed && p->xml && !foreign) {
        if (kind & BLOCK) boundary(p);
        return;
    }
    if ((tag == T_TD || tag == T_TH) && p->stack[p->top].row_entry < 0) {
        Attributes none = {0};
        push(p, T_TR, &none, tag_start);
    }
    int depth = p->top;
    push(p, tag, &a, tag_start);
    if (p->top == depth) return; /* too deep */
    Open *open = &p->stack[p->top];
    if (foreign || tag == T_SVG || tag == T_MATH) mark_foreign(p, &a);
    if (tag == T_PRE && p->at < p->end) {
        if (*p->at == '\r') p->at++;
        if (p->at < p->end && *p->at == '\n') p->at++;
    } else if (tag == T_MATH && !skip) {
        const u8 *math_end = end_of_math(p, tag_start);
        Slice tex = a.alt;
        int source = p->spoken ? FROM_UNSEEN_MATH : FROM_MATH;
        int how = DECODE | ATTRIBUTE;
        p->spoken = 0;
        if (!tex.n && !closed && math_end < p->end) {
            how = tex_of(p, p->at, math_end, &tex) ? DECODE : 0;
            if (!how && source == FROM_MATH) source = FROM_MARKUP;
        }
        if (tex.n && !p->failed) {
            open->skip = 1;
            formula(p, tex, a.display ? 2 : 1, how, source);
        }
    } else if (tag == T_ANNOTATION && p->last_of[T_MATH] > 0) {
        open->skip = 1;
    } else if (tag == T_Q && !open->skip) {
        append(p, (const u8 *)"\xE2\x80\x9C", 3);
    }
    if (closed && open->vocabulary) pop(p);
}

static void markup(Page *p) { /* at '<' and something that makes it markup */
    const u8 *tag_start = p->at, *end = p->end;
    u8 c = p->at[1];
    if (is_letter(c) || c == '/') {
        const u8 *name = p->at + 1 + (c == '/'), *s = name;
        if (c == '/' && !(name < end && is_letter(*name))) { /* "</3": a comment to browsers */
            const u8 *close = memchr(name, '>', (size_t)(end - name));
            p->at = close ? close + 1 : end;
            return;
        }
        while (s < end && !is_space(*s) && *s != '>' && *s != '/') s++;
        int tag = tag_id(name, (size_t)(s - name));
        if (tag == T_UNKNOWN && s - name > 5 && s[-5] == ':' && same((Slice){s - 4, 4}, "math"))
            tag = T_MATH;
        const u8 *name_end = p->at = s;
        if (c != '/') {
            start_tag(p, tag, tag_start);
            return;
        }
        int closed;
        if (!attributes(p, tag, NULL, &closed)) { p->at = end; return; }
        if (p->stack[p->top].vocabulary && !p->overflow &&
            end_foreign(p, tag, (Slice){name, (size_t)(name_end - name)}))
            return;
        end_tag(p, tag);
        return;
    }
    size_t left = (size_t)(end - p->at);
    const u8 *close;
    if (left >= 4 && !memcmp(p->at, "<!--", 4)) {
        if (left > 4 && p->at[4] == '>') { p->at += 5; return; }
        for (close = p->at + 2; (close = find(close, end, "--")); close++)
            if (close + 2 < end && (close[2] == '>' || (close[2] == '!' && close + 3 < end &&
                                                        close[3] == '>')))
                break;
        p->at = close ? close + (close[2] == '>' ? 3 : 4) : end;
        return;
    }
    if ((p->xml || p->stack[p->top].vocabulary) && left >= 9 && !memcmp(p->at, "<![CDATA[", 9)) {
        close = ahead(p, &p->cdata_end, "]]>");
        if (!p->stack[p->top].skip) text(p, p->at + 9, close, 0);
        p->at = close < end ? close + 3 : end;
        return;
    }
    close = memchr(p->at, '>', left);
    p->at = close ? close + 1 : end;
}

/* What holds most of a page's text is not hidden: a script shows it when the page is ready. */
static void reveal(Page *p) {
    if (!p->container_count) return;
    uint32_t total = p->containers[0].characters;
    for (size_t i = 0; i < p->container_count; i++) {
        Container *c = &p->containers[i];
        uint64_t above = c->parent >= 0 ? p->containers[c->parent].flags & BIT(F_HIDDEN) : 0;
        c->flags &= ~BIT(F_HIDDEN);
        if (above || (c->hidden && c->characters <= total / 2)) c->flags |= BIT(F_HIDDEN);
    }
    for (size_t i = 0; i < p->block_count; i++) {
        Block *b = &p->blocks[i];
        b->flags = (b->flags & ~BIT(F_HIDDEN)) |
                   (p->containers[b->container].flags & BIT(F_HIDDEN));
    }
}

static void run(Page *p) {
    const u8 *end = p->end;
    while (p->at < end && !p->failed && !p->capped_blocks) {
        const u8 *s = p->at, *open = s;
        while ((open = memchr(open, '<', (size_t)(end - open)))) {
            if (open + 1 >= end) { open = NULL; break; }
            u8 c = open[1];
            if (is_letter(c) || c == '!' || c == '?' || (c == '/' && open + 2 < end)) break;
            open++;
        }
        const u8 *stop = open ? open : end;
        if (stop > s && !p->stack[p->top].skip) {
            if (p->stack[p->top].flow < 0 || is_rows(p->stack[p->top].tag))
                moved_text(p, s, stop, DECODE);
            else
                text(p, s, stop, DECODE);
        }
        p->at = stop;
        if (open) markup(p);
    }
    while (p->top > 0 && !p->failed) pop(p);
    if (!p->failed) flush(p);
    if (!p->failed) order_blocks(p);
    for (size_t i = 0; i < p->block_count; i++) {
        Block *b = &p->blocks[i];
        Container *c = &p->containers[b->container];
        c->blocks++; c->characters += b->characters; c->link_characters += b->link_characters;
        c->words += b->words; c->links += b->links; c->commas += b->commas;
        c->headings += b->heading_level > 0;
        if (b->flags & BIT(F_PARAGRAPH)) c->paragraph_characters += b->characters;
    }
    for (size_t i = p->container_count; i-- > 1;) { /* children stand behind their parents */
        Container *c = &p->containers[i], *up = &p->containers[c->parent];
        up->blocks += c->blocks; up->characters += c->characters;
        up->link_characters += c->link_characters; up->words += c->words; up->links += c->links;
        up->commas += c->commas; up->headings += c->headings; up->children++;
        up->paragraph_characters += c->paragraph_characters;
    }
    reveal(p);
}

/* ================= Python ================= */

/* What the head says, character references read; `attribute`: as in a tag. */
static PyObject *fact(Slice s, int attribute) {
    u8 *read = malloc(3 * s.n + 8), *to = read; /* NUL to U+FFFD takes most */
    if (!read) return PyErr_NoMemory();
    for (size_t i = 0, n = 0, taken = 1; i < s.n; i += taken, to += n) {
        taken = s.at[i] == '&' ? reference(s.at + i, s.at + s.n, to, &n, attribute) : 0;
        if (taken) continue;
        taken = n = 1;
        if (s.at[i]) *to = s.at[i];
        else n = encode(0xFFFD, to);
    }
    PyObject *result = PyUnicode_DecodeUTF8((const char *)read, to - read, "replace");
    free(read);
    return result;
}

/* The formulas' places, written over the list of their bytes: block, first character, end. */
static size_t places_of_formulas(Page *p) {
    uint32_t *places = (uint32_t *)p->formulas;
    size_t count = 0, block = 0, counted = SIZE_MAX, at = 0;
    uint32_t characters = 0;
    for (size_t i = 0; i < p->formula_count; i++) {
        Range f = p->formulas[i];
        if (f.to > p->used) break;
        while (block < p->block_count && p->ends[block] <= f.from) block++;
        if (block == p->block_count) break;
        if (f.from < p->starts[block] || f.to > p->ends[block]) continue;
        if (counted != block) { counted = block; at = p->starts[block]; characters = 0; }
        for (; at < f.from; at++) characters += (p->out[at] & 0xC0) != 0x80;
        places[3 * count] = (uint32_t)block;
        places[3 * count + 1] = characters;
        for (; at < f.to; at++) characters += (p->out[at] & 0xC0) != 0x80;
        places[3 * count++ + 2] = characters;
    }
    return count;
}

#define ARTICLE_CHARACTERS 500 /* of a page's own text from which on JSON-LD isn't looked at */
static PyObject *article_of(const Page *p) {
    uint32_t characters = 0;
    for (size_t i = 0; i < p->block_count && characters < ARTICLE_CHARACTERS; i++)
        if (!(p->blocks[i].flags & (BIT(F_HIDDEN) | BIT(F_NOSCRIPT))))
            characters += p->blocks[i].characters - p->blocks[i].link_characters;
    size_t n = characters < ARTICLE_CHARACTERS ? p->article.n : 0; /* a script's text is raw */
    return PyUnicode_DecodeUTF8((const char *)p->article.at, (Py_ssize_t)n, "replace");
}

static PyObject *segment(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer moves, masks;
    const char *html;
    Py_ssize_t length, max_depth, max_blocks;
    if (!PyArg_ParseTuple(args, "s#y*y*nn", &html, &length, &moves, &masks, &max_depth,
                          &max_blocks))
        return NULL;
    PyObject *result = NULL, *texts = NULL;
    Page *p = calloc(1, sizeof(Page));
    Py_ssize_t states = masks.len / 8;
    if (!p) { PyErr_NoMemory(); goto done; }
    if (max_depth < 1 || max_depth > 100000 || max_blocks < 1 || (size_t)length > UINT32_MAX ||
        moves.len != states * 64 || states < 1) {
        PyErr_SetString(PyExc_ValueError, "segment: a size is out of range");
        goto done;
    }
    uint16_t highest = 0; /* without a way out of the loop, which compilers then vectorize */
    for (Py_ssize_t i = 0; i < states * 32; i++) {
        uint16_t move = ((const uint16_t *)moves.buf)[i];
        highest = move > highest ? move : highest;
    }
    if (highest >= states) {
        PyErr_SetString(PyExc_ValueError, "segment: the hint automaton leaves its states");
        goto done;
    }
    p->start = p->at = p->text_end = (const u8 *)html;
    p->end = p->start + length;
    p->moves = moves.buf; p->masks = masks.buf;
    p->max_depth = (int)max_depth; p->max_blocks = (size_t)max_blocks;
    p->stack = malloc(((size_t)max_depth + 1) * sizeof(Open));
    p->room = (size_t)length / 4 + 1024;
    p->out = malloc(p->room);
    p->block_room = 256; p->container_room = 256;
    p->blocks = malloc(p->block_room * sizeof(Block));
    p->starts = malloc(p->block_room * sizeof(size_t));
    p->ends = malloc(p->block_room * sizeof(size_t));
    p->containers = malloc(p->container_room * sizeof(Container));
    if (!p->stack || !p->out || !p->blocks || !p->starts || !p->ends || !p->containers) {
        PyErr_NoMemory();
        goto done;
    }
    memset(p->last_of, 0xFF, sizeof(p->last_of));
    Open *root = &p->stack[0];
    memset(root, 0, sizeof(*root));
    root->tag = T_ROOT; root->is_block = root->alive = 1; root->container = -1;
    root->above = -1;
    root->list = root->item = root->table = root->row_entry = root->cell = -1;
    p->xml = length > 5 && !memcmp(html, "<?xml", 5);
    Py_BEGIN_ALLOW_THREADS
    run(p);
    Py_END_ALLOW_THREADS
    if (p->failed) { PyErr_NoMemory(); goto done; }
    texts = PyList_New((Py_ssize_t)p->block_count);
    if (!texts) goto done;
    for (size_t i = 0; i < p->block_count; i++) {
        PyObject *item = PyUnicode_DecodeUTF8((const char *)p->out + p->starts[i],
                                              (Py_ssize_t)(p->ends[i] - p->starts[i]), "replace");
        if (!item) goto done;
        PyList_SET_ITEM(texts, (Py_ssize_t)i, item);
    }
    size_t formulas = places_of_formulas(p);
    result = Py_BuildValue(
        "Oy#y#(NNNNNNN)Kiiy#N", texts, (char *)p->blocks,
        (Py_ssize_t)(p->block_count * sizeof(Block)), (char *)p->containers,
        (Py_ssize_t)(p->container_count * sizeof(Container)), fact(p->facts[0], 0),
        fact(p->facts[1], 1),
        fact(p->facts[2], 1), fact(p->facts[3], 1), fact(p->facts[4], 1), fact(p->facts[5], 1),
        fact(p->facts[6], 1), (unsigned long long)p->body_hints, p->capped_depth, p->capped_blocks,
        formulas ? (char *)p->formulas : "", (Py_ssize_t)(formulas * 3 * sizeof(uint32_t)),
        article_of(p));
done:
    Py_XDECREF(texts);
    if (p) {
        free(p->stack); free(p->out); free(p->blocks); free(p->starts); free(p->ends);
        free(p->containers); free(p->formulas); free(p->grids); free(p->tex);
        free(p->next); free(p->before); free(p->joins);
        free(p);
    }
    PyBuffer_Release(&moves);
    PyBuffer_Release(&masks);
    return result;
}

static int fill_tables(void) {
    for (int i = 0; i < 256; i++) {
        CLASS[i] = i < 0x20 || i == 0x7F ? C_CONTROL : C_TEXT;
        SYMBOL[i] = is_letter((u8)i) ? (u8)((i | 32) - 'a' + 1) : i >= '0' && i <= '9' ? 27 : 0;
    }
    for (int i = 0; i < 128; i++) KIND[i] = (u8)kind_of((uint32_t)i);
    CLASS[' '] = CLASS['\n'] = CLASS['\t'] = CLASS['\r'] = CLASS['\f'] = C_SPACE;
    CLASS['&'] = C_AMP;
    CLASS[0xC2] = CLASS[0xE2] = CLASS[0xE3] = CLASS[0xEE] = CLASS[0xEF] = C_LEAD;
    for (int t = T_A; t < TAG_COUNT; t++) { /* the three before are no names of tags */
        tag_keys[t] = pack_name((const u8 *)TAGS[t].name, strlen(TAGS[t].name));
        unsigned h = tag_hash(tag_keys[t]);
        while (tag_slots[h]) h = (h + 1) % TAG_SLOTS;
        tag_slots[h] = (u8)t;
    }
    fill_traits();
    entities = calloc(ENTITY_SLOTS, sizeof(Entity));
    PyObject *module = PyImport_ImportModule("html.entities");
    PyObject *names = module ? PyObject_GetAttrString(module, "html5") : NULL;
    Py_XDECREF(module);
    if (!entities || !names || !PyDict_Check(names)) { Py_XDECREF(names); return 0; }
    PyObject *key, *value;
    Py_ssize_t at = 0, n, bytes;
    while (PyDict_Next(names, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8AndSize(key, &n);
        const char *utf8 = PyUnicode_AsUTF8AndSize(value, &bytes);
        if (!name || !utf8) { Py_DECREF(names); return 0; }
        int legacy = n > 0 && name[n - 1] != ';';
        if (!legacy) n--;
        if (n < 1 || n >= 40 || bytes > 8) continue;
        Entity *slot = entity_slot((const u8 *)name, (size_t)n);
        memcpy(slot->name, name, (size_t)n);
        memcpy(slot->value, utf8, (size_t)bytes);
        slot->length = (u8)n; slot->bytes = (u8)bytes; slot->legacy |= (u8)legacy;
    }
    Py_DECREF(names);
    return 1;
}

static PyMethodDef METHODS[] = {
    {"segment", segment, METH_VARARGS,
     "segment(html, moves, masks, max_depth, max_blocks) -> texts, blocks, containers, facts, "
     "body hints, depth capped, blocks capped, formulas, article"},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_segment", NULL, -1, METHODS,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__segment(void) {
    PyObject *module = PyModule_Create(&MODULE);
    if (!module) return NULL;
    PyObject *names = fill_tables() ? PyTuple_New(TAG_COUNT) : NULL;
    for (int i = 0; names && i < TAG_COUNT; i++)
        PyTuple_SET_ITEM(names, i, PyUnicode_FromString(TAGS[i].name));
    if (!names || PyModule_AddObject(module, "TAGS", names) < 0 ||
        PyModule_AddIntConstant(module, "BLOCK_BYTES", sizeof(Block)) < 0 ||
        PyModule_AddIntConstant(module, "CONTAINER_BYTES", sizeof(Container)) < 0) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
