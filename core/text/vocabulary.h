/* The two tables of a BPE model: token text <-> id, and which pair of ids merges into which. */
#ifndef SPECTRUM_TEXT_VOCABULARY_H
#define SPECTRUM_TEXT_VOCABULARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VOCABULARY_IDS_MAX = 1 << 22,   /* more is a file that lies */
    VOCABULARY_TOKEN_MAX = 1 << 16, /* bytes of one token */
};

struct vocabulary_entry {
    size_t offset; /* of the text in the arena */
    uint32_t length;
    bool present;
    bool special;
};

struct vocabulary {
    char *arena; /* NUL after each text */
    size_t arena_length, arena_capacity;
    struct vocabulary_entry *entries; /* by id; gaps are not present */
    size_t size, entry_capacity;
    int32_t *slots; /* open addressing; -1 empty; a power of two, at most half full */
    size_t slot_count, used;
};

/* An id that is taken by another text is an error; a text that is there already keeps its first
 * id in look-ups. */
int vocabulary_add(struct vocabulary *v, int64_t id, const char *text, size_t length,
                   struct error *err);
int32_t vocabulary_find(const struct vocabulary *v, const char *text, size_t length); /* or -1 */
const char *vocabulary_text(const struct vocabulary *v, int32_t id, size_t *length);  /* or NULL */
void vocabulary_free(struct vocabulary *v);

struct merge {
    int32_t left, right; /* left -1: empty slot */
    int32_t rank;        /* lower merges first */
    int32_t id;          /* what comes out */
};

struct merge_table {
    struct merge *slots;
    size_t slot_count, used;
};

/* Adds a pair; a pair that is there already keeps its lower rank. */
int merge_table_add(struct merge_table *table, struct merge merge, struct error *err);
const struct merge *merge_table_find(const struct merge_table *table, int32_t left, int32_t right);
void merge_table_free(struct merge_table *table);

#endif
