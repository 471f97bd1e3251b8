/* Token texts by id, ids by text.
 *
 * The texts lie end to end in one arena, a NUL after each. A look-up goes by the text's XXH3 into a
 * table of ids with open addressing and linear probing, which is doubled before it is more than
 * half full, so that it ends after a slot or two. Nothing is ever taken out.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The slot that has the text, or the free one where it would go. */
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

/* Twice the slots, and every id in its new place; -1 is all bits set. */
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

/* Room for one more token before anything of it is written: an error leaves the vocabulary as it
 * was. */
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

/* The same token twice is no error, another one under its id is. Of one text with two ids the first
 * is found. */
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

/* --- the alphabet of byte-level vocabularies --- */

/* A vocabulary is JSON, whose texts cannot hold every byte; so a byte-level one spells each byte by
 * a letter that can be seen (GPT-2's released code): printable Latin-1 bytes (33-126, 161-172,
 * 174-255) are themselves, the others take the code points from 256 on, in their order. A space is
 * U+0120, a line's end U+010A. */
int32_t byte_letter(uint8_t byte)
{
    if (byte <= 32)
        return 256 + byte;
    if (byte >= 127 && byte <= 160)
        return 289 + byte - 127;
    return byte == 173 ? 323 : byte;
}

/* The inverse of byte_letter(): printable bytes are their own letter, the others follow from 256
 * on. */
int letter_byte(int32_t code_point)
{
    if (code_point < 0 || code_point > 323)
        return -1;
    if (code_point == 323)
        return 173;
    if (code_point >= 289)
        return code_point - 289 + 127;
    if (code_point >= 256)
        return code_point - 256;
    return byte_letter((uint8_t)code_point) == code_point ? code_point : -1;
}
