/* A record's JSON, or what is wrong with it in words that help. */
#include "text/data/records.h"

#include "base/json_fault.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The key of an object that holds a whole data set; NULL: it is a record. A list of turns is none,
 * and beside a data set nothing stands but what describes it: names, numbers, objects. */
static const char *wrapped_set(const cJSON *object)
{
    static const char *const sets[] = {"data",     "dataset", "train",   "test",    "validation",
                                       "valid",    "dev",     "rows",    "records", "instances",
                                       "examples", "samples", "entries", "items",   NULL};
    static const char *const describes[] = {"type",     "version", "name",     "description",
                                            "license",  "licence", "homepage", "citation",
                                            "features", "columns", "source",   NULL};
    const char *key = NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        const cJSON *first = cJSON_IsArray(item) ? item->child : NULL;
        bool turns = json_get(first, "role") || json_get(first, "from");
        if ((cJSON_IsObject(first) || cJSON_IsString(first)) && !turns &&
            text_is_one_of(item->string, sets))
            key = key ? key : item->string;
        else if (!cJSON_IsNumber(item) && !cJSON_IsObject(item) &&
                 !text_is_one_of(item->string, describes))
            return NULL;
    }
    return key;
}

/* What is valid JSON and not a record: a data set in one object, a bare list of turns, a number. */
static int check_kind(const struct record *record, const cJSON *tree, struct error *err)
{
    char command[32], remedy[DATA_REMEDY_MAX];
    const char *key = cJSON_IsObject(tree) ? wrapped_set(tree) : NULL;
    if (key) {
        const cJSON *first = json_get(tree, key)->child;
        snprintf(command, sizeof command, "jq -c '.%s[]%s'", key,
                 cJSON_IsObject(json_get(first, "row")) ? ".row" : ""); /* the Hub's /rows */
        data_remedy(&record->reader->stream, command, remedy);
        return error_set(err, "\"%s\" holds a data set, not a record: %s", key, remedy);
    }
    if (cJSON_IsObject(tree) || cJSON_IsString(tree))
        return 0;
    if (cJSON_IsArray(tree) && (json_get(tree->child, "role") || json_get(tree->child, "from"))) {
        data_remedy(&record->reader->stream, "jq -c '{messages: .}'", remedy);
        return error_set(err, "the record is a list of turns: expected an object that has it: %s",
                         remedy);
    }
    return error_set(err, "the record is %s: expected an object or a text",
                     cJSON_IsNull(tree)     ? "null"
                     : cJSON_IsNumber(tree) ? "a number"
                     : cJSON_IsArray(tree)  ? "an array"
                                            : "true or false");
}

/* What would help against a fault, said after it; NULL: nothing that is known. */
static const char *remedy_of(const struct record *record, const struct json_fault *fault,
                             const char **says)
{
    const struct record_reader *reader = record->reader;
    const struct buffer *content = &reader->content;
    bool lines = reader->form == RECORD_LINES;
    char next = fault->at < record->length ? record->text[fault->at] : '\0';
    *says = "";
    if (strstr(fault->what, "surrogate")) {
        *says = "; write \\ufffd in its place";
        return NULL;
    }
    size_t rest = reader->at; /* is it the file's last record? */
    while (rest < content->length && content->data[rest] && strchr(" \t\r\n", content->data[rest]))
        rest++;
    if (fault->cut && reader->ended && rest == content->length) {
        *says = "; is the file cut off?";
        return NULL;
    }
    if (fault->cut && strstr(fault->what, "inside a text")) {
        *says = "; a line break in a text is written \\n; or is the line cut off?";
        return NULL;
    }
    if (fault->after && !lines)
        *says = "; a comma is missing before it";
    else if (fault->cut || (fault->after && next && strchr("{[\"", next)))
        *says = "; a record has one line for itself, and a line one record";
    else if (fault->after && next == ',')
        *says = "; the lines of an array?";
    return !lines || !**says ? NULL : next == ',' ? "sed 's/, *\\r*$//'" : "jq -c .";
}

/* Why it is not JSON, and the line that is wrong. */
static void refuse_json(const struct record *record, size_t *line, struct error *err)
{
    struct json_fault fault;
    const char *says, *remedy;
    char command[DATA_REMEDY_MAX] = "";
    if (!json_fault_find(record->text, record->length, true, &fault)) {
        if (err && strstr(err->text, "nested more"))
            error_prefix(err, "a column that jq -c 'del(.NAME)' takes out is");
        return; /* the parser's own message */
    }
    *line = record->line + fault.line - 1;
    if (fault.line == 1) { /* an array's record may begin anywhere in its line */
        const char *begin = record->reader->content.data;
        for (const char *at = record->text; at > begin && at[-1] != '\n'; at--)
            fault.column += ((unsigned char)at[-1] & 0xC0) != 0x80;
    }
    remedy = remedy_of(record, &fault, &says);
    if (remedy)
        data_remedy(&record->reader->stream, remedy, command);
    error_set(err, "not valid JSON, column %zu: %s%s%s%s", fault.column, fault.what, says,
              remedy ? ": " : "", command);
}

/* Numbers keep their digits as text, so that a template writes them as the file has them. */
cJSON *record_parse(const struct record *record, size_t *line, struct error *err)
{
    *line = record->line;
    cJSON *tree = json_parse(record->text, record->length, JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS,
                             "record", err);
    if (!tree)
        refuse_json(record, line, err);
    if (tree && check_kind(record, tree, err) != 0) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    return tree;
}
