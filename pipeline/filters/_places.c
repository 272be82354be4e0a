/* Finds the few places of a text where personal data may stand, in one pass: only they are looked
 * at by the finders' patterns. A place is where a pattern may match, never more than a hint. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { MIN_DIGITS = 6, MAX_GAP = 3, HEX_KEY = 32, TOKEN_MIN = 24, TOKEN_MAX = 28 };

/* What keys begin with or stand behind; keys.py has the patterns. */
enum { STARTS, STARTS_HEX, STARTS_ANYWHERE, BEHIND, AFTER_DIGITS, AFTER_HEX };
static const struct { const char *sign; int how; } SIGNS[] = {
    {"AKIA", STARTS}, {"ASIA", STARTS}, {"ABIA", STARTS}, {"ACCA", STARTS}, {"AIza", STARTS},
    {"ghp_", STARTS}, {"gho_", STARTS}, {"ghu_", STARTS}, {"ghs_", STARTS}, {"ghr_", STARTS},
    {"github_pat_", STARTS}, {"glpat-", STARTS}, {"gldt-", STARTS}, {"glft-", STARTS},
    {"glrt-", STARTS}, {"xox", STARTS}, {"xapp-", STARTS}, {"sk-", STARTS}, {"sk_live_", STARTS},
    {"sk_test_", STARTS}, {"rk_live_", STARTS}, {"rk_test_", STARTS}, {"pk_live_", STARTS},
    {"pk_test_", STARTS}, {"whsec_", STARTS}, {"hf_", STARTS}, {"npm_", STARTS}, {"SG.", STARTS},
    {"pypi-AgE", STARTS}, {"key-", STARTS}, {"https://hooks.slack.com/", STARTS},
    {"dapi", STARTS}, {"dckr_pat_", STARTS}, {"GOCSPX-", STARTS}, {"glsa_", STARTS},
    {"lin_api_", STARTS}, {"sq0csp-", STARTS}, {"sq0atp-", STARTS}, {"hvs.", STARTS},
    {"PMAK-", STARTS}, {"rubygems_", STARTS}, {"ATATT3", STARTS}, {"LTAI", STARTS},
    {"gsk_", STARTS}, {"r8_", STARTS}, {"xkeysib-", STARTS}, {"NRAK-", STARTS},
    {"sntrys_", STARTS}, {"AGE-SECRET-KEY-1", STARTS}, {"figd_", STARTS}, {"ntn_", STARTS},
    {"sbp_", STARTS}, {"dop_v1_", STARTS}, {"ya29.", STARTS}, {"shpat_", STARTS},
    {"shpca_", STARTS}, {"shppa_", STARTS}, {"shpss_", STARTS}, {"eyJ", STARTS},
    {"SK", STARTS_HEX}, {"AC", STARTS_HEX}, {"-----BEGIN ", STARTS_ANYWHERE},
    {"aws_secret_access_key", BEHIND}, {"AWS_SECRET_ACCESS_KEY", BEHIND}, {"AccountKey=", BEHIND},
    {"SharedAccessKey=", BEHIND}, {"&sig=", BEHIND}, {":AA", AFTER_DIGITS}, {"-us", AFTER_HEX},
};
enum { SIGN_COUNT = sizeof SIGNS / sizeof SIGNS[0] };

enum { DIGIT = 1, LETTER = 2, CAPITAL = 4, HEX = 8, WORD = 16, LOOK = 32 };
static uint8_t CLASS[256];       /* of ASCII signs; all others have none */
static uint8_t PAIRS[65536 / 8]; /* whether a sign begins with these two */

static int is(uint8_t sign, int class) { return CLASS[sign] & class; }

typedef struct {
    const uint8_t *text;
    Py_ssize_t length;
    PyObject *numbers, *fours, *sixes, *keys;
} Scan;

static uint8_t at(const Scan *scan, Py_ssize_t place) {
    return place >= 0 && place < scan->length ? scan->text[place] : 0;
}

static int add(PyObject *places, Py_ssize_t place) {
    PyObject *number = PyLong_FromSsize_t(place);
    int failed = number == NULL || PyList_Append(places, number) < 0;
    Py_XDECREF(number);
    return failed;
}

static int add_span(PyObject *spans, Py_ssize_t start, Py_ssize_t end) {
    PyObject *span = Py_BuildValue("(nn)", start, end);
    int failed = span == NULL || PyList_Append(spans, span) < 0;
    Py_XDECREF(span);
    return failed;
}

static int all_of(const Scan *scan, Py_ssize_t start, Py_ssize_t count, int class) {
    for (Py_ssize_t i = start; i < start + count; i++)
        if (!is(at(scan, i), class)) return 0;
    return 1;
}

/* Four numbers of at most three digits with dots, not behind a word's sign or a dot. */
static int is_four(const Scan *scan, Py_ssize_t start) {
    if (is(at(scan, start - 1), WORD) || at(scan, start - 1) == '.') return 0;
    for (int part = 0; part < 4; part++) {
        if (part && at(scan, start++) != '.') return 0;
        int digits = 0;
        while (digits < 3 && is(at(scan, start), DIGIT)) start++, digits++;
        if (!digits) return 0;
    }
    return 1;
}

/* Letters with few digits: an IBAN's head at two digits (GB82 WEST), ABCPE1234F at four. */
static int few_digits(const Scan *scan, Py_ssize_t start) {
    if (!is(at(scan, start - 1), LETTER) || !is(at(scan, start + 1), DIGIT)) return 0;
    if (is(at(scan, start - 2), LETTER) && !is(at(scan, start - 3), WORD)) {
        uint8_t gap = at(scan, start + 2);
        Py_ssize_t next = start + 2 + (gap == ' ' || gap == '-' || gap == 0xA0);
        if (all_of(scan, next, 4, DIGIT | LETTER))
            return add_span(scan->numbers, start - 2, next + 4);
    }
    if (all_of(scan, start, 4, DIGIT) && all_of(scan, start - 5, 5, CAPITAL) &&
        is(at(scan, start + 4), CAPITAL) && !is(at(scan, start - 6), WORD))
        return add_span(scan->numbers, start - 5, start + 5);
    return 0;
}

/* A sign of a key: where the key's pattern has to match. */
static int key_place(const Scan *scan, Py_ssize_t place) {
    for (int i = 0; i < SIGN_COUNT; i++) {
        Py_ssize_t length = (Py_ssize_t)strlen(SIGNS[i].sign), start = place;
        if (scan->length - place < length || memcmp(scan->text + place, SIGNS[i].sign, length))
            continue;
        switch (SIGNS[i].how) {
        case STARTS_HEX:
            if (!all_of(scan, place + length, HEX_KEY, HEX)) continue;
            break;
        case BEHIND: start = place + length; break;
        case AFTER_DIGITS:
            while (is(at(scan, start - 1), DIGIT)) start--;
            break;
        case AFTER_HEX: start = place - HEX_KEY; break;
        default: break;
        }
        int bound = SIGNS[i].how != BEHIND && SIGNS[i].how != STARTS_ANYWHERE;
        if (start < 0 || (bound && (is(at(scan, start - 1), WORD) || at(scan, start - 1) == '-')))
            continue;
        if (add(scan->keys, start)) return -1;
    }
    return 0;
}

/* A token of three parts with dots: "M" and 23 to 27 signs, six signs, more. */
static int token_place(const Scan *scan, Py_ssize_t dot) {
    Py_ssize_t start = dot;
    if (at(scan, dot + 7) != '.') return 0;
    while (dot - start <= TOKEN_MAX && (is(at(scan, start - 1), WORD) || at(scan, start - 1) == '-'))
        start--;
    uint8_t first = at(scan, start);
    int fits = dot - start >= TOKEN_MIN && dot - start <= TOKEN_MAX && first >= 'M' && first <= 'O';
    return fits ? add(scan->keys, start) : 0;
}

static int colon_place(const Scan *scan, Py_ssize_t colon) {
    const char *text = (const char *)scan->text;
    uint8_t first = at(scan, colon - 4);
    if ((first == '2' || first == '3') && all_of(scan, colon - 3, 3, HEX | CAPITAL) &&
        add(scan->sixes, colon - 4))
        return -1;
    if (scan->length - colon < 7) return 0;
    if (!PyOS_strnicmp(text + colon, "::ffff:", 7)) return add(scan->sixes, colon);
    if (colon >= 2 && !PyOS_strnicmp(text + colon - 2, "64:ff9b::", 9))
        return add(scan->sixes, colon - 2);
    return 0;
}

static int scan_all(Scan *scan) {
    const uint8_t *text = scan->text;
    Py_ssize_t length = scan->length, start = -1, last = -1, count = 0; /* of digits together */
    for (Py_ssize_t i = 0; i < length; i++) {
        uint8_t sign = text[i];
        if (i + 1 < length) {
            unsigned pair = (unsigned)sign << 8 | text[i + 1];
            if (PAIRS[pair >> 3] & 1 << (pair & 7) && key_place(scan, i)) return -1;
        }
        if (!is(sign, LOOK)) continue;
        if (sign == ':') {
            if (colon_place(scan, i)) return -1;
        } else if (sign == '.') {
            if (token_place(scan, i)) return -1;
        } else if (sign == '\n') {
            if (count >= MIN_DIGITS && add_span(scan->numbers, start, last + 1)) return -1;
            count = 0;
        } else {
            if (!is(at(scan, i - 1), DIGIT)) {
                if (is_four(scan, i) && add(scan->fours, i)) return -1;
                if (few_digits(scan, i)) return -1;
            }
            if (count && i - last - 1 > MAX_GAP) {
                if (count >= MIN_DIGITS && add_span(scan->numbers, start, last + 1)) return -1;
                count = 0;
            }
            if (!count++) start = i;
            last = i;
        }
    }
    return count >= MIN_DIGITS ? add_span(scan->numbers, start, last + 1) : 0;
}

/* The text with a byte a character: those beyond Latin-1 are 0xFF, a narrow space is a hard one. */
static uint8_t *narrowed(PyObject *text, Py_ssize_t length) {
    uint8_t *bytes = PyMem_Malloc((size_t)length + 1);
    if (bytes == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (PyUnicode_KIND(text) == PyUnicode_2BYTE_KIND) {
        const Py_UCS2 *wide = PyUnicode_2BYTE_DATA(text);
        for (Py_ssize_t i = 0; i < length; i++)
            bytes[i] = wide[i] < 256 ? (uint8_t)wide[i] : wide[i] == 0x202F ? 0xA0 : 0xFF;
    } else {
        const Py_UCS4 *wide = PyUnicode_4BYTE_DATA(text);
        for (Py_ssize_t i = 0; i < length; i++)
            bytes[i] = wide[i] < 256 ? (uint8_t)wide[i] : wide[i] == 0x202F ? 0xA0 : 0xFF;
    }
    return bytes;
}

static PyObject *places(PyObject *self, PyObject *text) {
    (void)self;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "places() takes a str");
        return NULL;
    }
    Scan scan = {.length = PyUnicode_GET_LENGTH(text)};
    int own = PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND;
    uint8_t *bytes = own ? narrowed(text, scan.length) : NULL;
    if (own && bytes == NULL) return NULL;
    scan.text = own ? bytes : PyUnicode_1BYTE_DATA(text);
    PyObject *all = PyTuple_New(4), *result = NULL;
    if (all != NULL) {
        PyObject **lists[] = {&scan.numbers, &scan.fours, &scan.sixes, &scan.keys};
        int failed = 0;
        for (Py_ssize_t i = 0; i < 4; i++) {
            *lists[i] = PyList_New(0);
            failed |= *lists[i] == NULL;
            PyTuple_SET_ITEM(all, i, *lists[i]);
        }
        if (!failed && !scan_all(&scan)) result = Py_NewRef(all);
        Py_DECREF(all);
    }
    PyMem_Free(bytes);
    return result;
}

static PyMethodDef METHODS[] = {
    {"places", places, METH_O,
     "places(text) -> (numbers, fours, sixes, keys): spans of digits that stand together or of a"
     " number of letters and few digits; starts of what may be IPv4, IPv6 and keys."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "pipeline.filters._places", .m_size = -1, .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__places(void) {
    for (int c = 0; c < 128; c++) {
        int digit = c >= '0' && c <= '9', capital = c >= 'A' && c <= 'Z';
        int small = c >= 'a' && c <= 'z';
        CLASS[c] = (uint8_t)((digit ? DIGIT | HEX | WORD | LOOK : 0) | (capital ? CAPITAL : 0) |
                             (capital || small ? LETTER | WORD : 0) | (c == '_' ? WORD : 0) |
                             (c >= 'a' && c <= 'f' ? HEX : 0) |
                             (c == '\n' || c == ':' || c == '.' ? LOOK : 0));
    }
    for (int i = 0; i < SIGN_COUNT; i++) {
        unsigned pair = (unsigned)(uint8_t)SIGNS[i].sign[0] << 8 | (uint8_t)SIGNS[i].sign[1];
        PAIRS[pair >> 3] |= (uint8_t)(1 << (pair & 7));
    }
    return PyModule_Create(&MODULE);
}
