#include "text/vocabulary.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static size_t find_slot(const struct vocabulary *v, const char *text, size_t length)
{
    size_t mask = v->slot_count - 1, slot = XXH3_64bits(text, length) & mask;
    while (v->slots[slot] >= 0) {
        const struct vocabulary_entry *entry = &v->entries[v->slots[slot]];
        if (entry->length == length && memcmp(v->arena + entry->offset, text, length) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow_slots(struct vocabulary *v, struct error *err)
{
    size_t count = v->slot_count ? v->slot_count * 2 : 1024;
    int32_t *old = v->slots, *slots = array_alloc(count, sizeof *slots, err);
    if (!slots)
        return -1;
    size_t old_count = v->slot_count;
    memset(slots, 0xFF, count * sizeof *slots);
    v->slots = slots;
    v->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] < 0)
            continue;
        const struct vocabulary_entry *entry = &v->entries[old[i]];
        slots[find_slot(v, v->arena + entry->offset, entry->length)] = old[i];
    }
    free(old);
    return 0;
}

static int reserve(struct vocabulary *v, size_t id, size_t length, struct error *err)
{
    size_t before = v->entry_capacity;
    if (array_reserve((void **)&v->entries, &v->entry_capacity, id + 1, sizeof *v->entries, err))
        return -1;
    if (v->entry_capacity > before)
        memset(v->entries + before, 0, (v->entry_capacity - before) * sizeof *v->entries);
    if (array_reserve((void **)&v->arena, &v->arena_capacity, v->arena_length + length + 1, 1, err))
        return -1;
    return 2 * (v->used + 1) > v->slot_count ? grow_slots(v, err) : 0;
}

int vocabulary_add(struct vocabulary *v, int64_t id, const char *text, size_t length,
                   struct error *err)
{
    if (id < 0 || id >= VOCABULARY_IDS_MAX)
        return error_set(err, "token \"%.40s\" has the id %lld, expected 0 to %d", text,
                         (long long)id, VOCABULARY_IDS_MAX - 1);
    if (length > VOCABULARY_TOKEN_MAX)
        return error_set(err, "token %lld has %zu bytes, expected at most %d", (long long)id,
                         length, VOCABULARY_TOKEN_MAX);
    if (reserve(v, (size_t)id, length, err) != 0)
        return -1;
    struct vocabulary_entry *entry = &v->entries[id];
    if (entry->present) {
        if (entry->length == length && memcmp(v->arena + entry->offset, text, length) == 0)
            return 0;
        return error_set(err, "two tokens have the id %lld: \"%.40s\" and \"%.40s\"", (long long)id,
                         v->arena + entry->offset, text);
    }
    *entry = (struct vocabulary_entry){v->arena_length, (uint32_t)length, true, false};
    memcpy(v->arena + v->arena_length, text, length);
    v->arena[v->arena_length + length] = '\0';
    v->arena_length += length + 1;
    if (v->size <= (size_t)id)
        v->size = (size_t)id + 1;
    size_t slot = find_slot(v, text, length);
    if (v->slots[slot] < 0) {
        v->slots[slot] = (int32_t)id;
        v->used++;
    }
    return 0;
}

int32_t vocabulary_find(const struct vocabulary *v, const char *text, size_t length)
{
    return v->slot_count ? v->slots[find_slot(v, text, length)] : -1;
}

const char *vocabulary_text(const struct vocabulary *v, int32_t id, size_t *length)
{
    if (id < 0 || (size_t)id >= v->size || !v->entries[id].present)
        return NULL;
    if (length)
        *length = v->entries[id].length;
    return v->arena + v->entries[id].offset;
}

void vocabulary_free(struct vocabulary *v)
{
    free(v->arena);
    free(v->entries);
    free(v->slots);
}

static size_t merge_slot(const struct merge_table *table, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key *= 0x9E3779B97F4A7C15u; /* Fibonacci hashing: the high bits are the mixed ones */
    size_t mask = table->slot_count - 1, slot = (key >> 32) & mask;
    while (table->slots[slot].left >= 0 &&
           (table->slots[slot].left != left || table->slots[slot].right != right))
        slot = (slot + 1) & mask;
    return slot;
}

static int grow_merges(struct merge_table *table, struct error *err)
{
    struct merge_table old = *table;
    size_t count = old.slot_count ? old.slot_count * 2 : 1024;
    struct merge *slots = array_alloc(count, sizeof *slots, err);
    if (!slots)
        return -1;
    for (size_t i = 0; i < count; i++)
        slots[i].left = -1;
    table->slots = slots;
    table->slot_count = count;
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].left >= 0)
            slots[merge_slot(table, old.slots[i].left, old.slots[i].right)] = old.slots[i];
    free(old.slots);
    return 0;
}

int merge_table_add(struct merge_table *table, struct merge merge, struct error *err)
{
    if (2 * (table->used + 1) > table->slot_count && grow_merges(table, err) != 0)
        return -1;
    struct merge *slot = &table->slots[merge_slot(table, merge.left, merge.right)];
    if (slot->left >= 0 && slot->rank <= merge.rank)
        return 0;
    table->used += slot->left < 0;
    *slot = merge;
    return 0;
}

const struct merge *merge_table_find(const struct merge_table *table, int32_t left, int32_t right)
{
    if (!table->slot_count)
        return NULL;
    const struct merge *slot = &table->slots[merge_slot(table, left, right)];
    return slot->left >= 0 ? slot : NULL;
}

void merge_table_free(struct merge_table *table)
{
    free(table->slots);
}
