/* Values as JSON, as Python's json.dumps() writes them. */
#ifndef SPECTRUM_JINJA_WRITE_JSON_H
#define SPECTRUM_JINJA_WRITE_JSON_H

#include "jinja/value/value.h"

/* json.dumps(value, ensure_ascii=False, ...). indent < 0: none; separators NULL: Python's own
 * (", " and ": ", with an indent "," and ": "). An undefined value, a callable is an error, as in
 * Python. */
struct jinja_json_style {
    int64_t indent;
    const char *indent_text; /* indent="  " given as a text; NULL: `indent` spaces */
    const char *item_separator, *key_separator;
    bool sort_keys, ensure_ascii;
    size_t most; /* bytes that may be written; 0: JINJA_TEXT_MAX */
};
int jinja_write_json(struct buffer *out, struct jinja_value value,
                     const struct jinja_json_style *style, struct error *err);

#endif
