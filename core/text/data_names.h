/* Names of data files: what they say, and how they stand in a command to be copied. */
#ifndef SPECTRUM_TEXT_DATA_NAMES_H
#define SPECTRUM_TEXT_DATA_NAMES_H

#include <stdbool.h>

/* Whether the file's name, less a ".gz" or ".zst", ends so; capitals are letters. */
bool data_name_ends(const char *path, const char *ending);

/* ".txt", ".jsonl", ".ndjson" or ".json": what the name of a data file says of its form, packed or
 * not; "" for any other file. */
const char *data_name_form(const char *path);

/* The path as it may stand between single quotes in a command to be copied, also inside Python's
 * that is between double ones: "FILE" where it has what would need more care, or is long. */
const char *data_path_in_command(const char *path);

#endif
