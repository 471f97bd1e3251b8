/* Each published form: what it is told by, and what it calls what a record has. */
#include "task/forms.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

/* --- what forms share --- */

/* A list of texts as choices. */
static int take_list(struct task_record *record, const struct task_reader *reader,
                     const cJSON *list, const char *key, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return error_set(err, "%s: \"%s\" is not a list", reader->where, key);
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return error_set(err, "%s: \"%s\" has what is not a text", reader->where, key);
        if (record_choice(record, reader, item->valuestring, strlen(item->valuestring), err) != 0)
            return -1;
    }
    if (record->count < 2)
        return error_set(err, "%s: \"%s\" has fewer than two choices", reader->where, key);
    return 0;
}

/* A number, or the digits of one as a text: from `first` on. */
static int take_label(struct task_record *record, const struct task_reader *reader, const char *key,
                      int first, struct error *err)
{
    const cJSON *label = json_get(reader->json, key);
    double gold = -1;
    if (cJSON_IsNumber(label))
        gold = label->valuedouble - first;
    else if (cJSON_IsString(label) && strlen(label->valuestring) == 1 &&
             label->valuestring[0] >= '0' && label->valuestring[0] <= '9')
        gold = label->valuestring[0] - '0' - first;
    else if (!label)
        return error_set(err, "%s: \"%s\" is missing", reader->where, key);
    return record_gold(record, reader, key, gold, err);
}

static bool has(const struct task_reader *reader, const char *key)
{
    return json_get(reader->json, key) != NULL;
}

/* --- {"query", "choices", "gold"} --- */

static bool is_query(const struct task_reader *reader)
{
    return has(reader, "query") && has(reader, "choices") && has(reader, "gold");
}

/* The query is the prompt up to "Answer:", or what an ending follows. */
static int read_query(struct task_reader *reader, struct task_record *record, struct error *err)
{
    static const char asks[] = "Question: ";
    const char *text;
    if (json_need_string(reader->json, "query", &text, reader->where, err) != 0)
        return -1;
    text += strncmp(text, asks, sizeof asks - 1) == 0 ? sizeof asks - 1 : 0;
    size_t length = strlen(text);
    length -= length > 0 && text[length - 1] == '\n';
    if (record_text(&record->question, text, length, err) != 0 ||
        take_list(record, reader, json_get(reader->json, "choices"), "choices", err) != 0)
        return -1;
    return take_label(record, reader, "gold", 0, err) == 0 ? 1 : -1;
}

const struct task_form form_query = {"query, choices, gold", "llm-foundry", is_query, read_query};

/* --- ARC --- */

static bool is_arc(const struct task_reader *reader)
{
    return has(reader, "question") && has(reader, "answerKey");
}

/* Choices as a list of {"text", "label"}, as AI2 has them. */
static int take_pairs(struct task_record *record, const struct task_reader *reader,
                      const cJSON *list, const char *key, int *gold, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *text, *label;
        if (json_need_string(item, "text", &text, reader->where, err) != 0 ||
            json_need_string(item, "label", &label, reader->where, err) != 0)
            return -1;
        if (strcmp(label, key) == 0 && *gold < 0)
            *gold = record->count;
        if (record_choice(record, reader, text, strlen(text), err) != 0)
            return -1;
    }
    return 0;
}

/* Choices as {"text": [...], "label": [...]}, as the hub has them. */
static int take_columns(struct task_record *record, const struct task_reader *reader,
                        const cJSON *choices, const char *key, int *gold, struct error *err)
{
    const cJSON *label, *labels = json_get(choices, "label");
    int index = 0;
    if (take_list(record, reader, json_get(choices, "text"), "choices.text", err) != 0)
        return -1;
    if (!cJSON_IsArray(labels) || cJSON_GetArraySize(labels) != record->count)
        return error_set(err, "%s: \"choices.label\" does not have a label for each text",
                         reader->where);
    cJSON_ArrayForEach(label, labels)
    {
        if (cJSON_IsString(label) && strcmp(label->valuestring, key) == 0 && *gold < 0)
            *gold = index;
        index++;
    }
    return 0;
}

static int read_arc(struct task_reader *reader, struct task_record *record, struct error *err)
{
    const cJSON *question = json_get(reader->json, "question");
    const cJSON *choices = json_get(cJSON_IsObject(question) ? question : reader->json, "choices");
    const char *key, *text;
    int gold = -1;
    if (json_need_string(reader->json, "answerKey", &key, reader->where, err) != 0 ||
        json_need_string(cJSON_IsObject(question) ? question : reader->json,
                         cJSON_IsObject(question) ? "stem" : "question", &text, reader->where,
                         err) != 0 ||
        record_text(&record->question, text, strlen(text), err) != 0)
        return -1;
    int status = cJSON_IsArray(choices) ? take_pairs(record, reader, choices, key, &gold, err)
                                        : take_columns(record, reader, choices, key, &gold, err);
    return status == 0 && record_gold(record, reader, "answerKey", gold, err) == 0 ? 1 : -1;
}

const struct task_form form_arc = {"question, choices, answerKey", "allenai/ai2_arc", is_arc,
                                   read_arc};

/* --- HellaSwag --- */

static bool is_hellaswag(const struct task_reader *reader)
{
    return has(reader, "ctx_a") && has(reader, "endings");
}

/* Python's str.capitalize(): the first character as in a title, all others small. */
static void put_capitalized(struct buffer *out, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        int32_t code;
        char bytes[4];
        size_t step = utf8_decode(text + at, length - at, &code);
        int32_t changed = at == 0 ? utf8proc_totitle(code) : utf8proc_tolower(code);
        buffer_append(out, bytes, utf8_encode(changed, bytes));
        at += step;
    }
}

static int read_hellaswag(struct task_reader *reader, struct task_record *record, struct error *err)
{
    const char *begin, *end;
    struct buffer context = BUFFER_INIT;
    if (json_need_string(reader->json, "ctx_a", &begin, reader->where, err) != 0 ||
        json_need_string(reader->json, "ctx_b", &end, reader->where, err) != 0 ||
        record_member(&record->about, reader, "activity_label", err) != 0)
        return -1;
    buffer_format(&context, "%s ", begin);
    put_capitalized(&context, end);
    int status = buffer_check(&context, err);
    if (status == 0)
        status = record_text(&record->question, context.data, context.length, err);
    buffer_free(&context);
    if (status != 0 ||
        take_list(record, reader, json_get(reader->json, "endings"), "endings", err) != 0)
        return -1;
    return take_label(record, reader, "label", 0, err) == 0 ? 1 : -1;
}

const struct task_form form_hellaswag = {"activity_label, ctx_a, ctx_b, endings, label",
                                         "Rowan/hellaswag", is_hellaswag, read_hellaswag};

/* Six lines an item: the context, the number of the right ending, four endings. */
static bool is_hellaswag_text(const struct task_reader *reader)
{
    const struct buffer *text = &reader->source.text;
    const char *second = strchr(text->data + reader->source.at, '\n');
    return !reader->json && second && second[1] >= '0' && second[1] <= '3' &&
           (second[2] == '\n' || second[2] == '\r');
}

static int read_hellaswag_text(struct task_reader *reader, struct task_record *record,
                               struct error *err)
{
    const char *text;
    size_t length;
    char gold = '\0';
    snprintf(reader->where, sizeof reader->where, "%.200s:%zu", reader->path, reader->source.line);
    for (int line = 0; line < 6; line++) {
        int status = task_source_line(&reader->source, &text, &length, err);
        if (status == 0 && line == 0)
            return 0;
        if (status == 0)
            return error_set(err, "%s: the file ends in the middle of an item; is it cut off?",
                             reader->where);
        if (status > 0 && line == 1 && (length != 1 || *text < '0' || *text > '3'))
            return error_set(err, "%s: the line behind it is not the number of an ending, 0 to 3",
                             reader->where);
        if (line == 1)
            gold = *text;
        else if (status > 0)
            status = line == 0 ? record_text(&record->question, text, length, err)
                               : record_choice(record, reader, text, length, err);
        if (status < 0)
            return -1;
    }
    return record_gold(record, reader, "label", gold - '0', err) == 0 ? 1 : -1;
}

const struct task_form form_hellaswag_text = {"lines of a context, a number, four endings",
                                              "llama.cpp's hellaswag_val_full.txt",
                                              is_hellaswag_text, read_hellaswag_text};

/* --- PIQA --- */

static bool is_piqa(const struct task_reader *reader)
{
    return has(reader, "goal") && has(reader, "sol1") && has(reader, "sol2");
}

static int read_piqa(struct task_reader *reader, struct task_record *record, struct error *err)
{
    static const char *const keys[] = {"sol1", "sol2"};
    const char *text;
    size_t length;
    if (record_member(&record->question, reader, "goal", err) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (json_need_string(reader->json, keys[i], &text, reader->where, err) != 0 ||
            record_choice(record, reader, text, strlen(text), err) != 0)
            return -1;
    if (!reader->labels_path)
        return take_label(record, reader, "label", 0, err) == 0 ? 1 : -1;
    int status = task_source_line(&reader->labels, &text, &length, err);
    if (status <= 0)
        return status < 0 ? -1
                          : error_set(err, "%s: %s has no label for it", reader->where,
                                      reader->labels_path);
    return record_gold(record, reader, "label", length == 1 ? *text - '0' : -1, err) == 0 ? 1 : -1;
}

const struct task_form form_piqa = {"goal, sol1, sol2, label", "ybisk/piqa", is_piqa, read_piqa};

/* --- WinoGrande --- */

static bool is_winogrande(const struct task_reader *reader)
{
    return has(reader, "sentence") && has(reader, "option1");
}

static int read_winogrande(struct task_reader *reader, struct task_record *record,
                           struct error *err)
{
    static const char *const keys[] = {"option1", "option2"};
    if (record_member(&record->question, reader, "sentence", err) != 0)
        return -1;
    if (!strchr(record->question, '_'))
        return error_set(err, "%s: \"sentence\" has no _ for the options to stand in",
                         reader->where);
    for (int i = 0; i < 2; i++) {
        const char *text;
        if (json_need_string(reader->json, keys[i], &text, reader->where, err) != 0 ||
            record_choice(record, reader, text, strlen(text), err) != 0)
            return -1;
    }
    return take_label(record, reader, "answer", 1, err) == 0 ? 1 : -1;
}

const struct task_form form_winogrande = {"sentence, option1, option2, answer",
                                          "allenai/winogrande", is_winogrande, read_winogrande};

/* --- MMLU --- */

static bool is_mmlu(const struct task_reader *reader)
{
    return has(reader, "question") && has(reader, "subject") && has(reader, "choices");
}

static int need_four(const struct task_record *record, const struct task_reader *reader,
                     struct error *err)
{
    return record->count == 4 ? 0
                              : error_set(err, "%s: %d choices, and the prompt is of four",
                                          reader->where, record->count);
}

static int read_mmlu(struct task_reader *reader, struct task_record *record, struct error *err)
{
    if (record_member(&record->question, reader, "question", err) != 0 ||
        record_member(&record->about, reader, "subject", err) != 0 ||
        take_list(record, reader, json_get(reader->json, "choices"), "choices", err) != 0 ||
        need_four(record, reader, err) != 0)
        return -1;
    return take_label(record, reader, "answer", 0, err) == 0 ? 1 : -1;
}

const struct task_form form_mmlu = {"question, subject, choices, answer", "cais/mmlu", is_mmlu,
                                    read_mmlu};

/* Rows of a question, four choices and a letter, without a head. */
static bool is_mmlu_table(const struct task_reader *reader)
{
    if (reader->json || reader->row.count != 6)
        return false;
    const char *letter = task_row_field(&reader->row, 5);
    return strlen(letter) == 1 && letter[0] >= 'A' && letter[0] <= 'D';
}

/* The subject is the file's name: anatomy_test.csv. */
static int take_subject(struct task_record *record, const struct task_reader *reader,
                        struct error *err)
{
    static const char *const splits[] = {"_test.", "_val.", "_dev."};
    const char *slash = strrchr(reader->path, '/'), *name = slash ? slash + 1 : reader->path;
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        const char *end = strstr(name, splits[i]);
        if (end && end > name)
            return record_text(&record->about, name, (size_t)(end - name), err);
    }
    return error_set(err,
                     "%s: the subject is told by the name, SUBJECT_test.csv, and this has none",
                     reader->path);
}

static int read_mmlu_table(struct task_reader *reader, struct task_record *record,
                           struct error *err)
{
    int status = task_source_row(&reader->source, &reader->row, err);
    if (status <= 0)
        return status;
    record->line = reader->row.line;
    snprintf(reader->where, sizeof reader->where, "%.200s:%zu", reader->path, record->line);
    if (!is_mmlu_table(reader))
        return error_set(err, "%s: %zu fields; expected a question, four choices and a letter",
                         reader->where, reader->row.count);
    const char *question = task_row_field(&reader->row, 0);
    if (take_subject(record, reader, err) != 0 ||
        record_text(&record->question, question, strlen(question), err) != 0)
        return -1;
    for (size_t i = 1; i < 5; i++) {
        const char *text = task_row_field(&reader->row, i);
        if (record_choice(record, reader, text, strlen(text), err) != 0)
            return -1;
    }
    int gold = task_row_field(&reader->row, 5)[0] - 'A';
    return record_gold(record, reader, "answer", gold, err) == 0 ? 1 : -1;
}

const struct task_form form_mmlu_table = {"rows of a question, four choices, a letter",
                                          "MMLU's SUBJECT_test.csv", is_mmlu_table,
                                          read_mmlu_table};

/* --- TruthfulQA --- */

static bool is_truthfulqa(const struct task_reader *reader)
{
    return has(reader, "question") && has(reader, "mc1_targets");
}

static int read_truthfulqa(struct task_reader *reader, struct task_record *record,
                           struct error *err)
{
    const cJSON *targets = json_get(reader->json, "mc1_targets");
    const cJSON *first = json_get(targets, "labels");
    first = cJSON_IsArray(first) ? first->child : NULL;
    if (record_member(&record->question, reader, "question", err) != 0 ||
        take_list(record, reader, json_get(targets, "choices"), "mc1_targets.choices", err) != 0)
        return -1;
    if (!cJSON_IsNumber(first) || first->valuedouble != 1)
        return error_set(err,
                         "%s: \"mc1_targets.labels\" does not begin with 1: the right choice "
                         "is the first",
                         reader->where);
    return 1;
}

const struct task_form form_truthfulqa = {"question, mc1_targets", "truthfulqa/truthful_qa",
                                          is_truthfulqa, read_truthfulqa};

enum { COLUMN_QUESTION, COLUMN_BEST, COLUMN_INCORRECT, COLUMNS };

/* Where the head has each column; false: it lacks one. */
static bool find_columns(size_t at[COLUMNS], const struct task_row *row)
{
    static const char *const names[COLUMNS] = {"Question", "Best Answer", "Incorrect Answers"};
    for (int column = 0; column < COLUMNS; column++) {
        for (at[column] = 0; at[column] < row->count; at[column]++)
            if (strcmp(task_row_field(row, at[column]), names[column]) == 0)
                break;
        if (at[column] == row->count)
            return false;
    }
    return true;
}

static bool is_truthfulqa_table(const struct task_reader *reader)
{
    size_t at[COLUMNS];
    return !reader->json && reader->row.count > 0 && find_columns(at, &reader->row);
}

/* As TruthfulQA's own code has answers: without blanks around them, a full stop at the end. */
static int take_answer(struct task_record *record, const struct task_reader *reader,
                       const char *text, size_t length, struct error *err)
{
    char closed[4096];
    while (length > 0 && strchr(" \t\r\n", *text)) {
        text++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    if (length == 0)
        return 0;
    if (length + 2 > sizeof closed)
        return error_set(err, "%s: an answer of over %zu bytes", reader->where, sizeof closed);
    memcpy(closed, text, length);
    if (closed[length - 1] != '.')
        closed[length++] = '.';
    return record_choice(record, reader, closed, length, err);
}

/* The best answer, then the wrong ones, which semicolons separate. */
static int take_answers(struct task_record *record, const struct task_reader *reader,
                        const char *best, const char *wrong, struct error *err)
{
    if (take_answer(record, reader, best, strlen(best), err) != 0)
        return -1;
    if (record->count == 0)
        return error_set(err, "%s: no \"Best Answer\"", reader->where);
    while (*wrong) {
        size_t length = strcspn(wrong, ";");
        if (take_answer(record, reader, wrong, length, err) != 0)
            return -1;
        wrong += length + (wrong[length] == ';');
    }
    return record->count > 1 ? 1 : error_set(err, "%s: no \"Incorrect Answers\"", reader->where);
}

/* The head is the first row, and says where columns are. */
static int read_truthfulqa_table(struct task_reader *reader, struct task_record *record,
                                 struct error *err)
{
    size_t *at = reader->columns, last = 0;
    if (reader->records == 0 && (task_source_row(&reader->source, &reader->row, err) <= 0 ||
                                 !find_columns(at, &reader->row)))
        return -1;
    int status = task_source_row(&reader->source, &reader->row, err);
    if (status <= 0)
        return status;
    record->line = reader->row.line;
    snprintf(reader->where, sizeof reader->where, "%.200s:%zu", reader->path, record->line);
    for (int column = 0; column < COLUMNS; column++)
        last = at[column] > last ? at[column] : last;
    if (reader->row.count <= last)
        return error_set(err, "%s: %zu fields, and the head has more", reader->where,
                         reader->row.count);
    const char *question = task_row_field(&reader->row, at[COLUMN_QUESTION]);
    if (record_text(&record->question, question, strlen(question), err) != 0)
        return -1;
    return take_answers(record, reader, task_row_field(&reader->row, at[COLUMN_BEST]),
                        task_row_field(&reader->row, at[COLUMN_INCORRECT]), err);
}

const struct task_form form_truthfulqa_table = {"columns Question, Best Answer, Incorrect Answers",
                                                "TruthfulQA.csv", is_truthfulqa_table,
                                                read_truthfulqa_table};

/* --- BoolQ --- */

static bool is_boolq(const struct task_reader *reader)
{
    return has(reader, "question") && has(reader, "passage");
}

/* The hub's "answer" is true or false; SuperGLUE's "label" 1 or 0, or the words. */
static int read_boolq(struct task_reader *reader, struct task_record *record, struct error *err)
{
    const cJSON *answer = json_get(reader->json, "answer");
    const cJSON *label = json_get(reader->json, "label");
    if (record_member(&record->question, reader, "question", err) != 0 ||
        record_member(&record->about, reader, "passage", err) != 0 ||
        record_choice(record, reader, "no", 2, err) != 0 ||
        record_choice(record, reader, "yes", 3, err) != 0)
        return -1;
    const cJSON *said = answer ? answer : label;
    if (cJSON_IsBool(said))
        record->gold = cJSON_IsTrue(said);
    else if (!said)
        return error_set(err, "%s: \"answer\" (or \"label\") is missing", reader->where);
    else if (take_label(record, reader, answer ? "answer" : "label", 0, err) != 0)
        return -1;
    return 1;
}

const struct task_form form_boolq = {"question, passage, answer", "google/boolq", is_boolq,
                                     read_boolq};

/* --- GSM8K --- */

static bool is_gsm8k(const struct task_reader *reader)
{
    return has(reader, "question") && has(reader, "answer");
}

static int read_gsm8k(struct task_reader *reader, struct task_record *record, struct error *err)
{
    if (record_member(&record->question, reader, "question", err) != 0 ||
        record_member(&record->answer, reader, "answer", err) != 0)
        return -1;
    if (!strstr(record->answer, "#### "))
        return error_set(err, "%s: \"answer\" does not end in \"#### \" and a number",
                         reader->where);
    return 1;
}

const struct task_form form_gsm8k = {"question, answer", "openai/gsm8k", is_gsm8k, read_gsm8k};
