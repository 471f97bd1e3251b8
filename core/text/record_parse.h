/* A record's JSON, or what is wrong with it in words that help. Internal to core/text. */
#ifndef SPECTRUM_TEXT_RECORD_PARSE_H
#define SPECTRUM_TEXT_RECORD_PARSE_H

#include "text/records.h"

/* The tree of a record of JSON, with numbers as they are written: an object or a text. Where it is
 * neither, NULL, *line is the line of the file that is wrong, and the message, which has no file
 * and line, says how. */
cJSON *record_parse(const struct record *record, size_t *line, struct error *err);

#endif
