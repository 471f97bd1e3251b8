/* What a file of the cache was made from, for `spectrum cache`: a small JSON file beside it,
 * "<file>.of". Names are for people: a file is found by its content, whatever they say. */
#ifndef SPECTRUM_BASE_CACHE_NOTE_H
#define SPECTRUM_BASE_CACHE_NOTE_H

#include "base/buffer.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>

#define CACHE_NOTE_ENDING ".of"
enum { CACHE_NOTE_MAX = 1 << 16 }; /* bytes of the file */

/* Notes the model and the data (count 0: none) of a cached file that is there and has no note yet;
 * their paths are made whole. For this user's eyes alone. Where it cannot, nothing is worse. */
void cache_note_save(const char *file, const char *model, const char *const *data, size_t count);

/* Parses a note: {"model": "...", "data": ["..."], "more": N}; NULL where it is none. The text is
 * hostile; free with cJSON_Delete(). */
cJSON *cache_note_parse(const struct buffer *text);

#endif
