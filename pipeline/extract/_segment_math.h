/* Presentation MathML to TeX, for formulas that come without their TeX: one pass, a stack of open
 * elements that is capped in depth. An element is written when it ends, from what its children
 * wrote; what is not known is written as the row of its children. */
#include "_segment_script.h"

enum { M_ROW, M_TOKEN_I, M_TOKEN_N, M_TOKEN_O, M_TEXT, M_FRAC, M_SUP, M_SUB, M_SUBSUP, M_SQRT,
       M_ROOT, M_UNDER, M_OVER, M_UNDEROVER, M_TABLE, M_TR, M_TD, M_FENCED, M_MULTI, M_PRESCRIPTS,
       M_EMPTY, M_SPACE, M_HIDDEN, M_ANNOTATION };
static const struct { const char *name; int kind; } MATH[] = {
    {"mrow", M_ROW}, {"mi", M_TOKEN_I}, {"mn", M_TOKEN_N}, {"mo", M_TOKEN_O}, {"mtext", M_TEXT},
    {"ms", M_TEXT}, {"mfrac", M_FRAC}, {"msup", M_SUP}, {"msub", M_SUB}, {"msubsup", M_SUBSUP},
    {"msqrt", M_SQRT}, {"mroot", M_ROOT}, {"munder", M_UNDER}, {"mover", M_OVER},
    {"munderover", M_UNDEROVER}, {"mtable", M_TABLE}, {"mtr", M_TR}, {"mlabeledtr", M_TR},
    {"mtd", M_TD}, {"mfenced", M_FENCED}, {"mmultiscripts", M_MULTI},
    {"mprescripts", M_PRESCRIPTS}, {"none", M_EMPTY}, {"mspace", M_SPACE},
    {"mphantom", M_HIDDEN}, {"annotation", M_ANNOTATION}, {"annotation-xml", M_HIDDEN},
    {"ci", M_TOKEN_I}, {"cn", M_TOKEN_N},
};

static const struct { uint32_t c; const char *tex; } SIGNS[] = { /* in order */
    {0xAC, "\\neg"}, {0xB0, "^\\circ"}, {0xB1, "\\pm"}, {0xB7, "\\cdot"}, {0xD7, "\\times"},
    {0xF7, "\\div"}, {0x393, "\\Gamma"}, {0x394, "\\Delta"}, {0x398, "\\Theta"},
    {0x39B, "\\Lambda"}, {0x39E, "\\Xi"}, {0x3A0, "\\Pi"}, {0x3A3, "\\Sigma"},
    {0x3A5, "\\Upsilon"}, {0x3A6, "\\Phi"}, {0x3A8, "\\Psi"}, {0x3A9, "\\Omega"},
    {0x3B1, "\\alpha"}, {0x3B2, "\\beta"}, {0x3B3, "\\gamma"}, {0x3B4, "\\delta"},
    {0x3B5, "\\varepsilon"}, {0x3B6, "\\zeta"}, {0x3B7, "\\eta"}, {0x3B8, "\\theta"},
    {0x3B9, "\\iota"}, {0x3BA, "\\kappa"}, {0x3BB, "\\lambda"}, {0x3BC, "\\mu"}, {0x3BD, "\\nu"},
    {0x3BE, "\\xi"}, {0x3C0, "\\pi"}, {0x3C1, "\\rho"}, {0x3C2, "\\varsigma"}, {0x3C3, "\\sigma"},
    {0x3C4, "\\tau"}, {0x3C5, "\\upsilon"}, {0x3C6, "\\varphi"}, {0x3C7, "\\chi"},
    {0x3C8, "\\psi"}, {0x3C9, "\\omega"}, {0x3D1, "\\vartheta"}, {0x3D5, "\\phi"},
    {0x3F1, "\\varrho"}, {0x3F5, "\\epsilon"}, {0x2016, "\\|"}, {0x2020, "\\dagger"},
    {0x2026, "\\ldots"}, {0x2032, "'"}, {0x2033, "''"}, {0x210F, "\\hbar"}, {0x2102, "\\mathbb{C}"},
    {0x2111, "\\Im"}, {0x2113, "\\ell"}, {0x2115, "\\mathbb{N}"}, {0x211A, "\\mathbb{Q}"},
    {0x211C, "\\Re"}, {0x211D, "\\mathbb{R}"}, {0x2124, "\\mathbb{Z}"}, {0x2135, "\\aleph"},
    {0x2190, "\\leftarrow"}, {0x2191, "\\uparrow"}, {0x2192, "\\to"}, {0x2193, "\\downarrow"},
    {0x2194, "\\leftrightarrow"}, {0x21A6, "\\mapsto"}, {0x21D0, "\\Leftarrow"},
    {0x21D2, "\\Rightarrow"}, {0x21D4, "\\Leftrightarrow"}, {0x2200, "\\forall"},
    {0x2202, "\\partial"}, {0x2203, "\\exists"}, {0x2205, "\\emptyset"}, {0x2207, "\\nabla"},
    {0x2208, "\\in"}, {0x2209, "\\notin"}, {0x220B, "\\ni"}, {0x220F, "\\prod"},
    {0x2210, "\\coprod"}, {0x2211, "\\sum"}, {0x2212, "-"}, {0x2213, "\\mp"}, {0x2217, "*"},
    {0x2218, "\\circ"}, {0x221A, "\\surd"}, {0x221D, "\\propto"}, {0x221E, "\\infty"},
    {0x2220, "\\angle"}, {0x2223, "\\mid"}, {0x2225, "\\parallel"}, {0x2227, "\\wedge"},
    {0x2228, "\\vee"}, {0x2229, "\\cap"}, {0x222A, "\\cup"}, {0x222B, "\\int"}, {0x222C, "\\iint"},
    {0x222D, "\\iiint"}, {0x222E, "\\oint"}, {0x2234, "\\therefore"}, {0x223C, "\\sim"},
    {0x2243, "\\simeq"}, {0x2245, "\\cong"}, {0x2248, "\\approx"}, {0x2260, "\\neq"},
    {0x2261, "\\equiv"}, {0x2264, "\\leq"}, {0x2265, "\\geq"}, {0x226A, "\\ll"}, {0x226B, "\\gg"},
    {0x2282, "\\subset"}, {0x2283, "\\supset"}, {0x2286, "\\subseteq"}, {0x2287, "\\supseteq"},
    {0x2295, "\\oplus"}, {0x2297, "\\otimes"}, {0x22A2, "\\vdash"}, {0x22A5, "\\perp"},
    {0x22C0, "\\bigwedge"}, {0x22C1, "\\bigvee"}, {0x22C2, "\\bigcap"}, {0x22C3, "\\bigcup"},
    {0x22C5, "\\cdot"}, {0x22EE, "\\vdots"}, {0x22EF, "\\cdots"}, {0x22F1, "\\ddots"},
    {0x2308, "\\lceil"}, {0x2309, "\\rceil"}, {0x230A, "\\lfloor"}, {0x230B, "\\rfloor"},
    {0x27E8, "\\langle"}, {0x27E9, "\\rangle"}, {0x27F6, "\\longrightarrow"}, {0x2A7D, "\\leq"},
    {0x2A7E, "\\geq"},
};
#define FUNCTIONS "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp " \
                  "lim sup inf max min arg deg det dim gcd hom ker Pr limsup liminf"
#define LIMITS "\\sum \\prod \\coprod \\int \\iint \\iiint \\oint \\bigcap \\bigcup \\bigwedge " \
               "\\bigvee \\lim \\sup \\inf \\max \\min \\det \\gcd \\limsup \\liminf \\Pr " \
               "\\bigoplus \\bigotimes"
static const struct { const char *over, *tex; } ACCENTS[] = {
    {"^", "\\hat"}, {"\\hat{}", "\\hat"}, {"\xCB\x86", "\\hat"}, {"\xCC\x82", "\\hat"},
    {"\xC2\xAF", "\\bar"}, {"\xCB\x89", "\\bar"}, {"\xE2\x80\xBE", "\\bar"}, {"-", "\\bar"},
    {"\\_", "\\bar"}, {"\xCC\x84", "\\bar"}, {"\\to", "\\vec"}, {"\xE2\x87\x80", "\\vec"},
    {"\\longrightarrow", "\\overrightarrow"}, {"\xCB\x99", "\\dot"}, {".", "\\dot"},
    {"\\cdot", "\\dot"}, {"\xC2\xA8", "\\ddot"}, {"..", "\\ddot"}, {"~", "\\tilde"},
    {"\\sim", "\\tilde"}, {"\xCB\x9C", "\\tilde"}, {"\xCB\x87", "\\check"}, {"\xCB\x98", "\\breve"},
    {"\xC2\xB4", "\\acute"}, {"`", "\\grave"}, {"\xE2\x8F\x9E", "\\overbrace"},
    {"\xEF\xB8\xB7", "\\overbrace"},
};

#define MATH_DEPTH 64
typedef struct {
    int kind, children, flag; /* flag: before scripts; no line; a font */
    size_t start, child[3], stop[3];
    Slice name, tag;
} Node;

static void tex_put(Page *p, const void *s, size_t n) {
    if (p->tex_room - p->tex_used < n) {
        size_t room = p->tex_room * 2 + n + 256;
        u8 *grown = realloc(p->tex, room);
        if (!grown) { p->failed = 1; return; }
        p->tex = grown; p->tex_room = room;
    }
    memcpy(p->tex + p->tex_used, s, n);
    p->tex_used += n;
}

static void tex_word(Page *p, const char *s) { tex_put(p, s, strlen(s)); }

static Slice math_attribute(Slice tag, const char *name) { /* its value, or nothing */
    size_t n = strlen(name);
    for (size_t i = 1; i + n + 2 < tag.n; i++) {
        if (!is_space(tag.at[i - 1]) || memcmp(tag.at + i, name, n) || tag.at[i + n] != '=')
            continue;
        const u8 *from = tag.at + i + n + 1, *end = tag.at + tag.n, *to = from;
        if (*from == '"' || *from == '\'') {
            to = memchr(from + 1, *from, (size_t)(end - from - 1));
            return to ? (Slice){from + 1, (size_t)(to - from - 1)} : (Slice){from, 0};
        }
        while (to < end && !is_space(*to) && *to != '>') to++;
        return (Slice){from, (size_t)(to - from)};
    }
    return (Slice){tag.at, 0};
}

static int is_word(Slice s, const char *word) {
    return s.n == strlen(word) && !memcmp(s.at, word, s.n);
}

/* Characters of a token as TeX: signs by name, TeX's own characters escaped. */
static void tex_characters(Page *p, const u8 *s, const u8 *end, int in_text) {
    size_t n;
    for (; s < end; s += n) {
        uint32_t c = decoded(s, end, &n);
        if ((c >= 0x2061 && c <= 0x2064) || c == 0x200B || c == 0xFEFF || c == 0xFE0E || c == 0xFE0F)
            continue; /* invisible operators */
        if (c < 0x80 && strchr("{}%#&$_", (int)c)) tex_put(p, "\\", 1);
        if (c == '\\') { tex_word(p, in_text ? "\\textbackslash " : "\\backslash"); continue; }
        size_t low = 0, high = in_text || c < 0x80 ? 0 : sizeof(SIGNS) / sizeof(SIGNS[0]);
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (SIGNS[middle].c < c) low = middle + 1;
            else high = middle;
        }
        if (!in_text && c >= 0x80 && low < sizeof(SIGNS) / sizeof(SIGNS[0]) && SIGNS[low].c == c)
            tex_word(p, SIGNS[low].tex);
        else tex_put(p, s, n);
    }
}

/* A space goes between a command and a letter that would lengthen its name. */
static void tex_separate(Page *p, size_t start, size_t at) {
    if (at >= p->tex_used || at <= start || !is_letter(p->tex[at])) return;
    size_t i = at;
    while (i > start && is_letter(p->tex[i - 1])) i--;
    if (i == at || i == start || p->tex[i - 1] != '\\') return;
    tex_put(p, " ", 1);
    if (p->failed) return;
    memmove(p->tex + at + 1, p->tex + at, p->tex_used - at - 1);
    p->tex[at] = ' ';
}

static size_t characters_in(const u8 *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += (s[i] & 0xC0) != 0x80;
    return count;
}

static int is_command(const u8 *s, size_t n) { /* \name alone */
    if (n < 2 || *s != '\\') return 0;
    for (size_t i = 1; i < n; i++)
        if (!is_letter(s[i])) return 0;
    return 1;
}

static int is_closed(const u8 *s, size_t n) { /* in one pair of braces, or a command with one */
    size_t i = 0, depth = 0;
    if (n && *s == '\\') for (i = 1; i < n && is_letter(s[i]); i++) {}
    if (i >= n || s[i] != '{') return 0;
    for (; i < n; i++) {
        if (s[i] == '{' && s[i - (i > 0)] != '\\') depth++;
        else if (s[i] == '}' && s[i - 1] != '\\' && --depth == 0) return i + 1 == n;
    }
    return 0;
}

static void tex_argument(Page *p, const u8 *s, size_t n, int always) {
    int bare = !always && characters_in(s, n) == 1;
    if (!bare) tex_put(p, "{", 1);
    tex_put(p, s, n);
    if (!bare) tex_put(p, "}", 1);
}

static void tex_base(Page *p, const u8 *s, size_t n) {
    int plain = n > 0;
    for (size_t i = 0; i < n && plain; i++) plain = (s[i] >= '0' && s[i] <= '9') || s[i] == '.';
    if (plain || is_command(s, n) || is_closed(s, n) || (n && (*s == '(' || *s == '[')) ||
        (n && (s[n - 1] == ')' || s[n - 1] == ']')))
        tex_put(p, s, n);
    else tex_argument(p, s, n, 0);
}

static void tex_over(Page *p, Slice base, Slice over) {
    for (size_t i = 0; i < sizeof(ACCENTS) / sizeof(ACCENTS[0]); i++)
        if (is_word(over, ACCENTS[i].over)) {
            int wide = characters_in(base.at, base.n) > 1 && !is_command(base.at, base.n) &&
                       !strcmp(ACCENTS[i].tex, "\\bar");
            tex_word(p, wide ? "\\overline" : ACCENTS[i].tex);
            tex_argument(p, base.at, base.n, 1);
            return;
        }
    tex_word(p, "\\overset");
    tex_argument(p, over.at, over.n, 1);
    tex_argument(p, base.at, base.n, 1);
}

static void tex_under(Page *p, Slice base, Slice under) {
    if (is_word(under, "\\_") || is_word(under, "\xC2\xAF") || is_word(under, "\xCC\xB2"))
        tex_word(p, "\\underline");
    else if (is_word(under, "\xE2\x8F\x9F") || is_word(under, "\xEF\xB8\xB8"))
        tex_word(p, "\\underbrace");
    else {
        tex_word(p, "\\underset");
        tex_argument(p, under.at, under.n, 1);
    }
    tex_argument(p, base.at, base.n, 1);
}

/* Replaces what a node's children wrote by the node. */
static void tex_node(Page *p, const Node *node) {
    Slice c[3] = {{0}};
    size_t n = p->tex_used - node->start;
    if (!n && node->kind != M_TABLE) return;
    u8 *copy = malloc(n + 1);
    if (!copy) { p->failed = 1; return; }
    if (n) memcpy(copy, p->tex + node->start, n);
    for (int i = 0; i < 3 && i < node->children; i++)
        c[i] = (Slice){copy + (node->child[i] - node->start), node->stop[i] - node->child[i]};
    p->tex_used = node->start;
    const u8 *s = copy, *end = copy + n;
    int limits = c[0].n && is_one_of(c[0].at, c[0].n, LIMITS);
    switch (node->kind) {
    case M_TOKEN_I: case M_TOKEN_O: case M_TOKEN_N: {
        while (s < end && is_space(*s)) s++;
        while (end > s && is_space(end[-1])) end--;
        n = (size_t)(end - s);
        Slice font = math_attribute(node->tag, "mathvariant");
        const char *command = NULL;
        if (is_word(font, "bold") || is_word(font, "bold-italic")) command = "\\mathbf";
        else if (is_word(font, "double-struck")) command = "\\mathbb";
        else if (is_word(font, "script")) command = "\\mathcal";
        else if (is_word(font, "fraktur")) command = "\\mathfrak";
        else if (is_word(font, "normal") && node->kind == M_TOKEN_I && n == 1 && is_letter(*s))
            command = "\\mathrm";
        int letters = n > 1;
        for (const u8 *at = s; at < end && letters; at++) letters = is_letter(*at) || *at == ' ';
        if (node->kind == M_TOKEN_N) letters = 0;
        if (letters && is_one_of(s, n, FUNCTIONS)) {
            tex_put(p, "\\", 1);
            tex_put(p, s, n);
        } else if (command || letters) {
            tex_word(p, command ? command : "\\mathrm");
            tex_put(p, "{", 1);
            tex_characters(p, s, end, 0);
            tex_put(p, "}", 1);
        } else tex_characters(p, s, end, 0);
        break;
    }
    case M_TEXT: {
        int seen = 0;
        for (const u8 *at = s; at < end && !seen; at++) seen = !is_space(*at);
        if (!seen) { tex_put(p, " ", 1); break; }
        tex_word(p, "\\text{");
        tex_characters(p, s, end, 1);
        tex_put(p, "}", 1);
        break;
    }
    case M_FRAC:
        if (node->flag) { /* no line: a binomial, a stack */
            tex_put(p, "{", 1); tex_put(p, c[0].at, c[0].n);
            tex_word(p, " \\atop "); tex_put(p, c[1].at, c[1].n); tex_put(p, "}", 1);
        } else {
            tex_word(p, "\\frac");
            tex_argument(p, c[0].at, c[0].n, 1);
            tex_argument(p, c[1].at, c[1].n, 1);
        }
        break;
    case M_SUP: case M_SUB: case M_SUBSUP:
        tex_base(p, c[0].at, c[0].n);
        if (node->kind != M_SUP && c[1].n) {
            tex_put(p, "_", 1);
            tex_argument(p, c[1].at, c[1].n, 0);
        }
        if (node->kind != M_SUB) {
            Slice above = c[node->kind == M_SUP ? 1 : 2];
            if (is_word(above, "'") || is_word(above, "''") || is_word(above, "^\\circ"))
                tex_put(p, above.at, above.n);
            else if (above.n) {
                tex_put(p, "^", 1);
                tex_argument(p, above.at, above.n, 0);
            }
        }
        break;
    case M_SQRT: tex_word(p, "\\sqrt"); tex_argument(p, copy, n, 1); break;
    case M_ROOT:
        tex_word(p, "\\sqrt["); tex_put(p, c[1].at, c[1].n); tex_put(p, "]", 1);
        tex_argument(p, c[0].at, c[0].n, 1);
        break;
    case M_UNDER: case M_OVER: case M_UNDEROVER:
        if (limits) {
            tex_put(p, c[0].at, c[0].n);
            if (node->kind != M_OVER && c[1].n) {
                tex_put(p, "_", 1);
                tex_argument(p, c[1].at, c[1].n, 0);
            }
            Slice above = c[node->kind == M_OVER ? 1 : 2];
            if (node->kind != M_UNDER && above.n) {
                tex_put(p, "^", 1);
                tex_argument(p, above.at, above.n, 0);
            }
        } else if (node->kind == M_OVER) tex_over(p, c[0], c[1]);
        else if (node->kind == M_UNDER) tex_under(p, c[0], c[1]);
        else { /* \overset{c}{\underset{b}{a}} */
            tex_word(p, "\\overset"); tex_argument(p, c[2].at, c[2].n, 1); tex_put(p, "{", 1);
            tex_under(p, c[0], c[1]);
            tex_put(p, "}", 1);
        }
        break;
    case M_TABLE:
        tex_word(p, "\\begin{matrix}"); tex_put(p, copy, n); tex_word(p, "\\end{matrix}");
        break;
    case M_FENCED: {
        Slice open = math_attribute(node->tag, "open"), close = math_attribute(node->tag, "close");
        if (open.at == node->tag.at) tex_put(p, "(", 1);
        else tex_characters(p, open.at, open.at + open.n, 0);
        tex_put(p, copy, n);
        if (close.at == node->tag.at) tex_put(p, ")", 1);
        else tex_characters(p, close.at, close.at + close.n, 0);
        break;
    }
    case M_PRESCRIPTS: case M_EMPTY: case M_HIDDEN: case M_ANNOTATION: break;
    case M_SPACE: tex_put(p, " ", 1); break;
    default: tex_put(p, copy, n);
    }
    free(copy);
}

/* What stands before the child that begins now. */
static void tex_before(Page *p, Node *up, int kind) {
    if (up->kind == M_TABLE && kind == M_TR && up->children) tex_word(p, " \\\\ ");
    else if (up->kind == M_TR && kind == M_TD && up->children) tex_word(p, " & ");
    else if (up->kind == M_FENCED && up->children) {
        Slice separators = math_attribute(up->tag, "separators");
        if (separators.at == up->tag.at) tex_put(p, ",", 1);
        else if (separators.n) {
            size_t at = (size_t)up->children - 1;
            tex_put(p, separators.at + (at < separators.n ? at : separators.n - 1), 1);
        }
    }
}

/* Scripts of mmultiscripts: sub and sup in turn, after the base; before it from mprescripts on. */
static void tex_multiscript(Page *p, Node *up, size_t from) {
    size_t n = p->tex_used - from;
    if (up->children == 0 || !n) return;
    u8 *copy = malloc(n);
    if (!copy) { p->failed = 1; return; }
    memcpy(copy, p->tex + from, n);
    p->tex_used = from;
    tex_put(p, up->children % 2 ? "_" : "^", 1);
    tex_argument(p, copy, n, 0);
    free(copy);
}

static void tex_end(Page *p, Node *stack, int *top) {
    Node *node = &stack[*top], *up = &stack[*top - 1];
    if (node->kind == M_MULTI && node->flag) { /* prescripts go before the base */
        size_t rest = p->tex_used - node->stop[1];
        u8 *copy = malloc(p->tex_used - node->start + 1);
        if (!copy) { p->failed = 1; return; }
        memcpy(copy, p->tex + node->start, p->tex_used - node->start);
        size_t before = node->stop[1] - node->start;
        p->tex_used = node->start;
        tex_word(p, "{}");
        tex_put(p, copy + before, rest);
        tex_put(p, copy, before);
        free(copy);
    } else if (node->kind != M_MULTI) tex_node(p, node);
    if (p->failed) return;
    --*top;
    if (up->kind == M_ROW || up->kind == M_SQRT || up->kind == M_TD || up->kind == M_FENCED)
        tex_separate(p, up->start, node->start);
    if (up->kind == M_MULTI) {
        if (node->kind == M_PRESCRIPTS) {
            up->flag = 1;
            up->stop[1] = p->tex_used;
            up->children = 1;
            return;
        }
        tex_multiscript(p, up, node->start);
    }
    if (up->children < 3 && !(up->kind == M_MULTI && up->children)) {
        up->child[up->children] = node->start;
        up->stop[up->children] = p->tex_used;
    }
    up->children++;
}

/* The TeX of the MathML between s and end: the annotation if there is one (its source, to be
 * decoded), else converted into p->tex. */
static int tex_of(Page *p, const u8 *s, const u8 *end, Slice *tex) {
    Node stack[MATH_DEPTH];
    int top = 0, deep = 0;
    memset(stack, 0, sizeof(stack[0]));
    p->tex_used = 0;
    while (s < end && !p->failed) {
        Node *up = &stack[top];
        if (*s != '<') {
            const u8 *stop = memchr(s, '<', (size_t)(end - s));
            if (!stop) stop = end;
            int token = up->kind >= M_TOKEN_I && up->kind <= M_TEXT;
            if (up->kind == M_HIDDEN || up->kind == M_ANNOTATION) s = stop;
            while (s < stop) {
                u8 value[8];
                size_t bytes = 0, taken = *s == '&' ? reference(s, stop, value, &bytes, 0) : 0;
                if (taken) {
                    if (bytes == 2 && value[0] == 0xC2 && value[1] == 0xA0) tex_put(p, " ", 1);
                    else tex_put(p, value, bytes);
                } else if (s[0] == 0xC2 && s + 1 < stop && s[1] == 0xA0) {
                    tex_put(p, " ", 1);
                    taken = 2;
                } else {
                    taken = 1;
                    if (token || !is_space(*s)) tex_put(p, s, 1);
                }
                s += taken;
            }
            continue;
        }
        if (end - s > 4 && !memcmp(s, "<!--", 4)) {
            const u8 *close = s + 4;
            while (close < end && !(*close == '-' && end - close > 2 && close[1] == '-' &&
                                    close[2] == '>'))
                close++;
            s = close < end ? close + 3 : end;
            continue;
        }
        if (end - s > 9 && !memcmp(s, "<![CDATA[", 9)) {
            const u8 *from = s += 9;
            while (s < end && !(*s == ']' && end - s > 2 && s[1] == ']' && s[2] == '>')) s++;
            if (up->kind != M_HIDDEN && up->kind != M_ANNOTATION)
                tex_put(p, from, (size_t)(s - from));
            if (s < end) s += 3;
            continue;
        }
        const u8 *stop = s + 1;
        for (u8 quote = 0; stop < end && (quote || *stop != '>'); stop++) {
            if (quote) quote = *stop == quote ? 0 : quote;
            else if ((*stop == '"' || *stop == '\'') && stop[-1] == '=') quote = *stop;
        }
        int ends = s + 1 < end && s[1] == '/';
        Slice tag = {s + 1 + ends, (size_t)(stop - s - 1 - ends)}, name = {tag.at, 0};
        s = stop < end ? stop + 1 : end;
        while (name.n < tag.n && !is_space(name.at[name.n]) && name.at[name.n] != '/') {
            if (name.at[name.n++] != ':') continue;
            name.at += name.n; /* a prefix */
            tag.n -= name.n; tag.at = name.at; name.n = 0;
        }
        int in_html = (up->kind >= M_TOKEN_I && up->kind <= M_TEXT) || up->kind == M_HIDDEN;
        int html = in_html ? T_UNKNOWN : tag_id(name.at, name.n);
        if (ends ? html == T_P || html == T_BR : TRAITS[html] & BREAKS) break; /* out of MathML */
        if (ends) {
            if (deep) { deep--; continue; }
            int at = top;
            while (at > 0 && !(stack[at].name.n == name.n &&
                               !memcmp(stack[at].name.at, name.at, name.n)))
                at--;
            if (at > 0) while (top >= at && !p->failed) tex_end(p, stack, &top);
            continue;
        }
        if (up->kind >= M_TOKEN_I && up->kind <= M_TEXT) continue; /* HTML in text */
        if (up->kind == M_HIDDEN && tag.n && tag.at[tag.n - 1] == '/') continue;
        if (top + 1 >= MATH_DEPTH) {
            if (!(tag.n && tag.at[tag.n - 1] == '/')) deep++;
            continue;
        }
        int kind = M_ROW;
        for (size_t i = 0; i < sizeof(MATH) / sizeof(MATH[0]); i++)
            if (is_word(name, MATH[i].name)) kind = MATH[i].kind;
        if (up->kind == M_HIDDEN) kind = M_HIDDEN;
        if (kind == M_ANNOTATION) {
            Slice encoding = math_attribute(tag, "encoding");
            const u8 *close = memchr(s, '<', (size_t)(end - s));
            if (!close) close = end;
            for (size_t i = 0; i + 3 <= encoding.n; i++)
                if ((encoding.at[i] | 32) == 't' && (encoding.at[i + 1] | 32) == 'e' &&
                    (encoding.at[i + 2] | 32) == 'x') {
                    if (i + 3 < encoding.n && (encoding.at[i + 3] | 32) == 't') continue; /* text/ */
                    *tex = (Slice){s, (size_t)(close - s)};
                    return 1;
                }
        }
        tex_before(p, up, kind);
        Node *node = &stack[++top];
        memset(node, 0, sizeof(*node));
        node->kind = kind; node->start = p->tex_used; node->name = name; node->tag = tag;
        if (kind == M_FRAC) {
            Slice line = math_attribute(tag, "linethickness");
            node->flag = line.n && line.at[0] == '0';
        }
        if (tag.n && tag.at[tag.n - 1] == '/') {
            if (kind == M_SPACE) tex_put(p, " ", 1);
            tex_end(p, stack, &top);
        }
    }
    while (top > 0 && !p->failed) tex_end(p, stack, &top);
    *tex = (Slice){p->tex, p->tex_used};
    return 0;
}
