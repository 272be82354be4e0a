/* A set of words that is looked for among the distinct words of pages, as toxicity.py's: in a page of
   a thousand words a few are asked for, and for most pages none becomes a Python object.
   Included by _signals.c alone, after words.h. */

#ifndef FILTERS_WORD_SET_H
#define FILTERS_WORD_SET_H

#include "words.h"

typedef struct {
    uint64_t hash;
    PyObject *word; /* NULL for an empty place */
} Listed;

typedef struct {
    Listed *places;
    size_t mask;
} WordSet;

static const char WORD_SET[] = "pipeline.filters._signals.word_set";

static void word_set_free(PyObject *capsule)
{
    WordSet *set = PyCapsule_GetPointer(capsule, WORD_SET);
    if (!set) return;
    for (size_t i = 0; set->places && i <= set->mask; i++) Py_XDECREF(set->places[i].word);
    PyMem_Free(set->places);
    PyMem_Free(set);
}

static uint64_t hash_of_text(PyObject *text)
{
    uint64_t hash = 0;
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++)
        hash = hash * BASE + PyUnicode_READ(kind, data, i) + 1;
    return hash;
}

static int is_word(PyObject *text, const Py_UCS4 *chars, size_t length)
{
    if ((size_t)PyUnicode_GET_LENGTH(text) != length) return 0;
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    for (size_t i = 0; i < length; i++)
        if (PyUnicode_READ(kind, data, i) != chars[i]) return 0;
    return 1;
}

/* The word of the set that a distinct word of a page is, or NULL. */
static PyObject *listed_word(const WordSet *set, const Distinct *word)
{
    for (size_t at = mixed(word->hash) & set->mask; set->places[at].word; at = (at + 1) & set->mask)
        if (set->places[at].hash == word->hash
            && is_word(set->places[at].word, word->chars, word->length))
            return set->places[at].word;
    return NULL;
}

static PyObject *word_set(PyObject *module, PyObject *given)
{
    (void)module;
    PyObject *words = PySequence_Fast(given, "a sequence of words is needed"), *capsule = NULL;
    WordSet *set = words ? PyMem_Calloc(1, sizeof *set) : NULL;
    if (set) {
        size_t places = 64;
        while (places < 4 * (size_t)PySequence_Fast_GET_SIZE(words)) places *= 2;
        set->mask = places - 1;
        set->places = PyMem_Calloc(places, sizeof *set->places);
        capsule = set->places ? PyCapsule_New(set, WORD_SET, word_set_free) : NULL;
        if (!capsule) {
            PyMem_Free(set->places);
            PyMem_Free(set);
        }
    }
    if (!capsule && words && !PyErr_Occurred()) PyErr_NoMemory();
    for (Py_ssize_t i = 0; capsule && i < PySequence_Fast_GET_SIZE(words); i++) {
        PyObject *word = PySequence_Fast_GET_ITEM(words, i);
        if (!PyUnicode_Check(word)) {
            PyErr_SetString(PyExc_TypeError, "a word that is no string");
            Py_CLEAR(capsule);
            break;
        }
        uint64_t hash = hash_of_text(word);
        size_t at = mixed(hash) & set->mask;
        while (set->places[at].word) at = (at + 1) & set->mask;
        set->places[at] = (Listed){hash, Py_NewRef(word)};
    }
    Py_XDECREF(words);
    return capsule;
}

/* {word: how often} of the words with these numbers that the set holds. */
static PyObject *listed_counts(PyObject *capsule, const Words *w, const uint32_t *ids, size_t count)
{
    const WordSet *set = PyCapsule_GetPointer(capsule, WORD_SET);
    uint32_t *times = set ? PyMem_RawCalloc(w->distinct_count + 1, sizeof *times) : NULL;
    PyObject *found = times ? PyDict_New() : NULL;
    if (set && !times) PyErr_NoMemory();
    for (size_t i = 0; found && i < count; i++) times[ids[i]]++;
    for (uint32_t i = 0; found && i < w->distinct_count; i++) {
        PyObject *word = times[i] ? listed_word(set, &w->distinct[i]) : NULL;
        if (!word) continue;
        PyObject *number = PyLong_FromUnsignedLong(times[i]);
        if (!number || PyDict_SetItem(found, word, number)) Py_CLEAR(found);
        Py_XDECREF(number);
    }
    PyMem_RawFree(times);
    return found;
}

#endif
